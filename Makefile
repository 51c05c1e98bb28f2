.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage lint docs pictures bench train-default clean

# ROS distribution: kilted or jazzy, each in an environment of its own
DISTRO ?= kilted
VENV := $(if $(filter kilted,$(DISTRO)),.venv,.venv-$(DISTRO))
BIN := $(VENV)/bin
TESTS ?=
# three more processes than cores: many tests wait for other processes
JOBS ?= $(shell echo $$(( $$(nproc) + 3 )))
# Python keeps what it compiled, even where the user's settings forbid it: the tests start hundreds of processes
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal
DATA ?= ../shared/data/coco_robot
TEACHER ?= ../shared/data/weights/yolox_nano.onnx
OUT ?= train_out
FACES ?= $(patsubst %,yunet:%,$(wildcard ../shared/data/weights/yunet_n_640_640.onnx))
MORE ?= $(wildcard ../shared/data/voc_robot)

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

setup: ## create or repair the environment: ROS 2, the message interfaces, this package; DISTRO=kilted or jazzy
	@tools/setup.sh --distro $(DISTRO)

demo: setup ## find faces and people in real images over real topics; results in demo_out/; VIEW=1: in the browser too
	@$(BIN)/face_detect_ros demo $(if $(VIEW),--view)

test: setup ## run every test, JOBS at a time; TESTS="FILE or FOLDER...": only these
	@$(PYTEST) $(TESTS)

# these need launch, hri_msgs and foxglove_msgs, which apt has and PyPI has not; their tests run where they are installed
NOT_HERE := */ros/launching.py,*/ros/outputs/humans.py,*/ros/outputs/annotations.py

coverage: setup ## run every test and require that core, pipeline and ros are covered
	@$(PYTEST) --cov=face_detect_ros --cov-report= $(TESTS)
	@for room in core pipeline ros; do $(BIN)/coverage report --include "face_detect_ros/$$room/*" --omit "$(NOT_HERE)" --fail-under 92 || exit; done

lint: setup ## check format, style, types and the direction of imports
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy face_detect_ros
	@$(BIN)/lint-imports

docs: .venv-docs/finished ## build the documentation, with an API reference from the docstrings: site/index.html
	@.venv-docs/bin/sphinx-build --quiet --jobs auto --doctree-dir .venv-docs/doctrees docs site

# an environment of its own: the API reference is read from the source, without ROS or PyTorch
.venv-docs/finished: requirements/docs.txt requirements/constraints-docs.txt
	@$(or $(PYTHON),python3) -m venv --clear .venv-docs
	@.venv-docs/bin/pip install --quiet --disable-pip-version-check -r requirements/docs.txt -c requirements/constraints-docs.txt
	@touch $@

pictures: setup ## make the images of the documentation again; needs a Chromium
	@$(BIN)/python tools/pictures.py

bench: setup ## measure conversion, drawing, nodes, face and object detectors
	@$(BIN)/face_detect_ros bench

# without a GPU two processes of one thread each are faster than one of two
train-default: setup ## train the object model that comes with the package again: DATA=folder MORE=folders FACES=detector CLASSES=names TEACHER=file OUT=folder
	@gpus=$$(nvidia-smi -L 2>/dev/null | wc -l); [ $$gpus -gt 0 ] || gpus=2; \
		$(BIN)/python -m torch.distributed.run --standalone --nproc-per-node $$gpus \
		-m face_detect_ros.cli.app train-default $(DATA) $(MORE:%=--more %) $(if $(CLASSES),--classes "$(CLASSES)") \
		--teacher $(TEACHER) $(if $(FACES),--faces "$(FACES)") --output $(OUT)

clean: ## remove the environments, builds, caches and results; trainings stay
	@rm -rf .venv .venv-* build install log site demo_out bench_out *.egg-info .coverage .coverage.* \
		.mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
