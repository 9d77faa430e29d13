// One cell: the text that the server has, the text that the user types, and the note below the row.

const HIGHLIGHT_TIME = 2400; // milliseconds, as in sheet.css

export class Cell {
  /**
   * @param input the cell's text field.
   * @param send sends `{ save, text, version }`, and resolves to the cell as it is then.
   */
  constructor(input, send) {
    this.input = input;
    this.send = send;
    this.tableCell = input.closest("td");
    this.key = input.dataset.cell;
    this.serverText = input.defaultValue;
    this.serverVersion = Number(input.dataset.version);
    this.newerRow = null; // of another user, while this user edits an older text
    this.isSaving = false;
    this.state = ""; // or "saving", "unsaved", "refused", "conflict"
    input.addEventListener("change", () => void this.save());
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.revert();
    });
  }

  get isEdited() {
    return this.input.value !== this.serverText;
  }

  /** Takes a row that another tab wrote. Returns whether the cell shows it. */
  receive(row) {
    if (row.version <= this.serverVersion) return false;
    if (this.isEdited || this.isSaving) {
      this.newerRow = row;
      this.showConflict(row);
      return false;
    }
    this.show(row);
    return true;
  }

  setServerState({ text, version }) {
    this.serverText = text;
    this.serverVersion = version;
  }

  show(row) {
    this.newerRow = null;
    this.setServerState(row);
    this.input.value = row.text;
    this.setState("");
    this.highlight(row.by);
  }

  /** Shows for a moment who changed the cell. */
  highlight(by) {
    if (!by) return;
    delete this.tableCell.dataset.by;
    void this.tableCell.offsetWidth; // a layout in between, so that the animation starts again
    this.tableCell.dataset.by = by;
    clearTimeout(this.highlightTimer);
    const remove = () => delete this.tableCell.dataset.by;
    this.highlightTimer = setTimeout(remove, HIGHLIGHT_TIME);
  }

  /** Drops what the user typed. */
  revert() {
    if (this.newerRow) this.show(this.newerRow);
    else this.input.value = this.serverText;
    if (!this.isSaving) this.setState("");
  }

  async save() {
    // One at a time: the next save needs the version that this one creates.
    if (this.isSaving || (!this.isEdited && !this.newerRow)) return;
    if (!this.isEdited) return this.revert();
    this.isSaving = true;
    const typed = this.input.value;
    this.setState("saving");
    try {
      const data = { save: this.key, text: typed, version: this.serverVersion };
      this.handleAnswer(typed, await this.send(data));
    } catch (error) {
      this.handleError(error);
    } finally {
      this.isSaving = false;
    }
    // The user typed more meanwhile, and has left the cell.
    if (this.input.value !== typed && document.activeElement !== this.input) void this.save();
  }

  handleAnswer(typed, answer) {
    if (answer.version >= this.serverVersion) this.setServerState(answer);
    // The server may write it in another way: "4.5" as "4.50".
    if (this.input.value === typed && this.isEdited) this.input.value = this.serverText;
    const { newerRow } = this;
    this.newerRow = null;
    if (newerRow && newerRow.version > this.serverVersion) this.show(newerRow);
    else if (answer.overwritten) this.showOverwritten(answer.overwritten);
    else this.setState("");
  }

  handleError({ message, errors }) {
    if (errors?.text) return this.setState("refused", message);
    const reason = errors ? message : "The server can’t be reached.";
    const retry = { label: "Try again", run: () => void this.save() };
    this.setState("unsaved", `Not saved. ${reason} `, retry);
  }

  // The note below the row.

  showConflict({ by, text }) {
    this.setState("conflict", `${by} changed this to ${quoted(text)} while you edit. `, {
      label: "Take theirs",
      run: () => this.revert(),
    });
  }

  showOverwritten({ by, text }) {
    const change = `${by} had changed this to ${quoted(text)} while you edited.`;
    this.setState("conflict", `${change} Yours was saved last. `, {
      label: "Take theirs",
      run: () => this.replaceWith(text),
    });
  }

  replaceWith(text) {
    this.input.value = text;
    this.setState("");
    void this.save();
  }

  /** Sets the state, and shows the text, with a button for the action. No text: there is no note. */
  setState(state, text = "", action = null) {
    this.state = state;
    this.tableCell.dataset.cellState = state;
    this.note?.remove();
    this.note = null;
    this.input.removeAttribute("aria-describedby");
    this.input.removeAttribute("aria-invalid");
    if (state === "refused") this.input.setAttribute("aria-invalid", "true");
    if (text) this.showNote(state, text, action);
  }

  showNote(state, text, action) {
    const box = makeElement("div", { id: `note-${this.key}` });
    box.setAttribute("role", "alert");
    box.dataset.tone = state === "conflict" ? "warning" : "error";
    const label = makeElement("strong", {}, this.label());
    box.append(makeElement("span", {}, label, ": ", text));
    if (action) box.append(this.makeButton(action));
    const colSpan = this.tableCell.parentElement.children.length;
    this.note = makeElement("tr", { className: "cell-note" }, makeElement("td", { colSpan }, box));
    this.tableCell.parentElement.after(this.note);
    this.input.setAttribute("aria-describedby", box.id);
  }

  makeButton({ label, run }) {
    const button = makeElement("button", { type: "button", className: "quiet" }, label);
    // The cell keeps the focus, because it is saved when it loses it.
    button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("click", () => {
      run();
      this.input.focus();
    });
    return button;
  }

  label() {
    const column = this.key.split("-")[1];
    return document.getElementById(`column-${column}`).textContent;
  }
}

function quoted(text) {
  return text ? `“${text}”` : "nothing";
}

export function makeElement(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}
