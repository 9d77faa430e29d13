// One cell: what the server has, what somebody types, and what is said about it.

export class Cell {
  // input: the field. save: sends { save, text, version }; gives the cell as it is then.
  constructor(input, save) {
    this.input = input;
    this.place = input.closest("td");
    this.key = input.dataset.cell;
    this.text = input.defaultValue; // what the server has
    this.version = Number(input.dataset.version); // of that text
    this.theirs = null; // a newer text, of somebody else, while this one is edited
    this.saving = false;
    this.state = "";
    this.send = save;
    input.addEventListener("change", () => void this.save());
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.revert();
    });
  }

  get edited() {
    return this.input.value !== this.text;
  }

  // What the feed says of others' writing. Gives whether the page shows something new.
  told(row) {
    if (row.version <= this.version) return false;
    if (this.edited || this.saving) {
      this.theirs = row;
      this.warn(row);
      return false;
    }
    this.show(row);
    return true;
  }

  know({ text, version }) {
    this.text = text;
    this.version = version;
  }

  show(row) {
    this.theirs = null;
    this.know(row);
    this.input.value = row.text;
    this.mark("");
    this.flash(row.by);
  }

  flash(by) {
    if (!by) return;
    delete this.place.dataset.by;
    void this.place.offsetWidth; // so that the animation starts anew
    this.place.dataset.by = by;
    clearTimeout(this.flashed);
    this.flashed = setTimeout(() => delete this.place.dataset.by, 2400);
  }

  revert() {
    if (this.theirs) this.show(this.theirs);
    else this.input.value = this.text;
    if (!this.saving) this.mark("");
  }

  async save() {
    // One at a time: the next one needs the version that this one makes.
    if (this.saving || (!this.edited && !this.theirs)) return;
    if (!this.edited) return this.revert();
    this.saving = true;
    const typed = this.input.value;
    this.mark("saving");
    try {
      this.saved(typed, await this.send({ save: this.key, text: typed, version: this.version }));
    } catch (error) {
      this.failed(error);
    } finally {
      this.saving = false;
    }
    if (this.input.value !== typed && document.activeElement !== this.input) void this.save();
  }

  saved(typed, answer) {
    if (answer.version >= this.version) this.know(answer);
    if (this.input.value === typed && this.edited) this.input.value = this.text;
    const later = this.theirs;
    this.theirs = null;
    if (later && later.version > this.version) this.show(later); // they were last, after all
    else if (answer.overwritten) this.won(answer.overwritten);
    else this.mark("");
  }

  failed({ message, errors }) {
    if (errors?.text) return this.mark("refused", message);
    const why = errors ? message : "The server can’t be reached.";
    this.mark("unsaved", `Not saved. ${why} `, ["Try again", () => void this.save()]);
  }

  // What is said at the cell.

  warn({ by, text }) {
    this.mark("conflict", `${by} changed this to ${quoted(text)} while you edit. `, [
      "Take theirs",
      () => this.revert(),
    ]);
  }

  won({ by, text }) {
    const said = `${by} had changed this to ${quoted(text)} while you edited. Yours was saved last. `;
    this.mark("conflict", said, ["Take theirs", () => this.take(text)]);
  }

  take(text) {
    this.input.value = text;
    this.mark("");
    void this.save();
  }

  mark(state, said = "", action = null) {
    this.state = this.place.dataset.cellState = state;
    this.note?.remove();
    this.note = null;
    for (const name of ["aria-describedby", "aria-invalid"]) this.input.removeAttribute(name);
    if (state === "refused") this.input.setAttribute("aria-invalid", "true");
    if (said) this.say(state, said, action);
  }

  say(state, said, action) {
    const box = element("div", { id: `note-${this.key}` });
    box.dataset.tone = state === "conflict" ? "warning" : "error";
    box.setAttribute("role", "alert");
    box.append(element("span", {}, element("strong", {}, this.label()), ": ", said));
    if (action) {
      const [label, act] = action;
      const button = element("button", { type: "button", className: "quiet" }, label);
      // The cell keeps the focus: to leave it would save it.
      button.addEventListener("mousedown", (event) => event.preventDefault());
      button.addEventListener("click", () => {
        act();
        this.input.focus();
      });
      box.append(button);
    }
    const columns = this.place.parentElement.children.length;
    const cell = element("td", { colSpan: columns }, box);
    this.note = element("tr", { className: "cell-note" }, cell);
    this.place.parentElement.after(this.note);
    this.input.setAttribute("aria-describedby", box.id);
  }

  label() {
    return document.getElementById(`column-${this.key.split("-")[1]}`).textContent;
  }
}

function quoted(text) {
  return text ? `“${text}”` : "nothing";
}

export function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
