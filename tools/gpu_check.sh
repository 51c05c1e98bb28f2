#!/bin/sh
# Checks and measures everything that claims to run on a GPU: networks equal to the CPU, CUDA graphs, batches, memory,
# latency, training, ONNX Runtime. Needs Python with PyTorch, NumPy, OpenCV and ONNX Runtime; no ROS, no network, no
# installation. Writes gpu_check.json and gpu_check.md into the folder given as --output.
#   tools/gpu_check.sh [--device cuda|cuda:N|cpu] [--quick] [--output FOLDER] [--seconds N] [--only SECTION,...]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
python=
for candidate in "${PYTHON:-}" "$root/.venv/bin/python" python3 python; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    "$candidate" -c 'import cv2, numpy, onnxruntime, torch' 2>/dev/null && { python=$candidate; break; }
done
if [ -z "$python" ]; then
    echo "gpu_check: no Python with torch, numpy, cv2 and onnxruntime found; set PYTHON to one" >&2
    exit 2
fi
PYTHONPATH="$root:$root/tools${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -m gpu_check "$@"
