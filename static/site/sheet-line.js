// The sheet's connection: an event stream with POSTs beside it, or a WebSocket for both ways.

const RETRY = [2000, 5000]; // milliseconds, spread so that not all pages come back at once
const ANSWER = 10_000; // milliseconds

// What the server does not take: its message is for whoever typed it.
class Refusal extends Error {
  refusal = true;
}

export class Line {
  // hear(event, data) is called with each event, lost() when the connection breaks.
  constructor(sheet, tab, { hear, lost }) {
    this.address = `${sheet.dataset.feed}?${new URLSearchParams({ origin: tab })}`;
    this.csrf = sheet.querySelector("[name=csrfmiddlewaretoken]").value;
    this.hear = hear;
    this.lost = lost;
    this.waiting = new Map(); // answers that a WebSocket owes, by ref
    this.refs = 0;
    this.overSocket = sheet.querySelector("[name=transport]:checked").value === "websocket";
    this.open();
  }

  open() {
    if (this.overSocket) this.openSocket();
    else this.openStream();
  }

  openStream() {
    this.source = new EventSource(this.address);
    for (const name of ["change", "remove", "sync", "ping", "bye"]) {
      this.source.addEventListener(name, ({ data }) => this.heard(name, JSON.parse(data)));
    }
    this.source.onerror = () => {
      this.lost();
      // The browser tries again by itself, except after an answer that is no stream.
      if (this.source.readyState === EventSource.CLOSED) this.again();
    };
  }

  openSocket() {
    const url = new URL(this.address, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.socket = new WebSocket(url);
    this.socket.onmessage = ({ data }) => {
      const { event, data: said, ref } = JSON.parse(data);
      const answer = this.waiting.get(ref);
      if (answer) answer(event, said);
      else this.heard(event, said);
    };
    this.socket.onclose = () => {
      for (const answer of this.waiting.values()) answer("lost");
      this.lost();
      this.again();
    };
  }

  heard(event, data) {
    // Signed out: the page asks for a sign-in.
    if (event === "bye" && data.reason === "auth") location.reload();
    this.hear(event, data);
  }

  again() {
    const [least, most] = RETRY;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), least + Math.random() * (most - least));
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    if (this.socket) this.socket.onclose = null;
    this.socket?.close();
  }

  // Send data up; gives the server's answer, or throws what to say.
  send(data) {
    return this.overSocket ? this.sendBySocket(data) : this.post(data);
  }

  async post(data, keepalive = false) {
    let response;
    try {
      response = await fetch(this.address, {
        method: "POST",
        body: JSON.stringify(data),
        headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrf },
        keepalive,
      });
    } catch {
      throw new Error("Not saved: the server can’t be reached.");
    }
    if (response.status === 400) throw refusal(await response.json());
    if (!response.ok) throw new Error(`Not saved: the server answered ${response.status}.`);
    return response.json();
  }

  sendBySocket(data) {
    const ref = ++this.refs;
    return new Promise((taken, failed) => {
      const answer = (event, said) => {
        clearTimeout(late);
        this.waiting.delete(ref);
        if (event === "reply") taken(said);
        else if (event === "error") failed(refusal(said));
        else failed(new Error("Not saved: the server can’t be reached."));
      };
      const late = setTimeout(() => answer("lost"), ANSWER);
      this.waiting.set(ref, answer);
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ data, ref }));
      else answer("lost");
    });
  }

  // The page goes: said by a request that outlives it.
  leave() {
    this.post({ here: false }, true).catch(() => {});
  }
}

function refusal(reasons) {
  return new Refusal(Object.values(reasons).flat().join(" "));
}
