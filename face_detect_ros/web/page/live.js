// SPDX-FileCopyrightText: 2026 face_detect_ros authors
// SPDX-License-Identifier: Apache-2.0

// The connection: images and reports come in, what is shown goes out. Connects again by itself.

const decoder = new TextDecoder();

export class Live {
  constructor(handlers) {
    Object.assign(this, handlers); // onImage, onBoxes, onReport, onState
    this.wanted = null;
    this.delay = 500;
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = (this.socket = new WebSocket(`${scheme}://${location.host}/live`));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.delay = 500;
      this.onState("connected");
      this.send(this.wanted);
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") {
        this.show(data);
        return;
      }
      const message = JSON.parse(data);
      if (message.type === "boxes") this.onBoxes(message);
      else this.onReport(message);
    };
    socket.onclose = async () => {
      const refused = await fetch("/api/about").then((answer) => answer.status === 401, () => false);
      this.onState(refused ? "refused" : "disconnected");
      setTimeout(() => this.connect(), this.delay);
      this.delay = Math.min(this.delay * 1.6, 5000);
    };
  }

  async show(data) {
    const length = new DataView(data).getUint32(0, true);
    const about = JSON.parse(decoder.decode(new Uint8Array(data, 4, length)));
    const socket = this.socket;
    try {
      const bitmap = await createImageBitmap(new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }));
      await new Promise((shown) => {
        // a page in the background gets no animation frames, and needs no images
        requestAnimationFrame(() => {
          this.onImage(about, bitmap);
          shown();
        });
      });
      bitmap.close();
    } finally {
      // only now may the next image come
      if (socket === this.socket) this.send({ type: "shown", number: about.number });
    }
  }

  watch(wanted) {
    this.wanted = { type: "watch", ...wanted };
    this.send(this.wanted);
  }

  send(message) {
    if (message && this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}
