"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text; // text, never HTML
    return element;
  };

  // What a link leads to stands below the bar, which is higher where its links take more lines.
  const bar = document.querySelector(".top");
  new ResizeObserver(() => {
    const stays = getComputedStyle(bar).position === "sticky";
    document.documentElement.style.scrollPaddingTop = `${stays ? bar.offsetHeight + 16 : 16}px`;
  }).observe(bar);

  // Sorting: a button in each header cell; the state is where readers look for it, in aria-sort.
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return "";
    return cell.dataset.v !== undefined ? cell.dataset.v : cell.textContent.trim();
  };
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === ""); // what is unknown comes last
    const x = Number(a), y = Number(b);
    return Number.isNaN(x) || Number.isNaN(y) ? collator.compare(a, b) : x - y;
  };
  const sort = (header) => {
    const table = header.closest("table");
    const up = header.getAttribute("aria-sort") !== "ascending";
    const column = header.cellIndex;
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => [keyOf(row, column), row]);
    rows.sort(([a], [b]) => {
      const order = compare(a, b);
      return up || a === "" || b === "" ? order : -order;
    });
    body.append(...rows.map(([, row]) => row));
    find();
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    const caption = table.caption ? table.caption.textContent.trim() : "Table";
    byId("said").textContent =
      `${caption}: sorted by ${header.textContent.trim()}, ${up ? "ascending" : "descending"}.`;
  };
  for (const header of document.querySelectorAll("table.sortable thead th")) {
    const button = make("button", "sort");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sort(header));
  }

  // Search: every element with data-find stays while its text holds all words. Of those that stand
  // together the first MOST are shown: a browser takes seconds to lay out 10,000 rows.
  const MOST = 500;
  const texts = new Map();
  const groups = new Map();
  for (const element of document.querySelectorAll("[data-find]")) {
    texts.set(element, element.textContent.replaceAll("\u200e", "").toLocaleLowerCase());
    groups.set(element.parentElement, { most: MOST, note: null });
  }
  const search = byId("search");
  const empty = Array.from(document.querySelectorAll("[data-none]"));
  const tell = (parent, group, fitting) => {
    if (fitting > group.most && !group.note) {
      const button = make("button", "", "Show all");
      button.type = "button";
      button.addEventListener("click", () => { group.most = Infinity; find(); });
      group.note = make("p", "soft more");
      group.note.append(make("span"), " ", button);
      (parent.closest(".scroll") || parent.closest("table") || parent).after(group.note);
    }
    if (!group.note) return;
    group.note.hidden = fitting <= group.most;
    group.note.firstChild.textContent =
      `The first ${group.most} of ${fitting} are shown.`;
  };
  const find = () => {
    const words = search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    let students = 0, all = 0;
    for (const [parent, group] of groups) {
      let fitting = 0;
      for (const element of parent.children) {
        const text = texts.get(element);
        if (text === undefined) continue;
        const fits = words.every((word) => text.includes(word));
        fitting += fits;
        const hidden = !fits || fitting > group.most;
        if (element.hidden !== hidden) element.hidden = hidden;
        if (element.dataset.find === "student") { all += 1; students += fits; }
      }
      tell(parent, group, fitting);
    }
    for (const note of empty) {
      const scope = byId(note.dataset.none);
      note.hidden = scope.querySelector("[data-find]:not([hidden])") !== null;
    }
    byId("found").textContent = words.length ? `${students} of ${all} students` : "";
  };
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(find, 120);
  });
  search.form.addEventListener("submit", (event) => { event.preventDefault(); find(); });

  // Details of one student, made when asked for: a class of 2,000 has 40,000 cases.
  const details = JSON.parse(byId("details").textContent);
  const statuses = byId("details").dataset.statuses.split(" ");
  const glyphs = byId("details").dataset.glyphs.split(" ");
  const dialog = byId("student");
  const status = (index) => {
    const element = make("span", `status ${statuses[index]}`);
    const glyph = make("i", "", glyphs[index]);
    glyph.setAttribute("aria-hidden", "true");
    element.append(glyph, ` ${statuses[index]}`);
    return element;
  };
  const points = (score, of) => make("span", "points", `${score} of ${of}`);
  // A path in what is said of a file stays from left to right, also between right-to-left letters.
  const rightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
  const inOrder = (said) => (rightToLeft.test(said) ? said.replaceAll("/", "/\u200e") : said);
  const open = (number) => {
    const [name, error, questions] = details.students[number];
    const text = (index) => details.texts[index];
    byId("student-name").replaceChildren(make("bdi", "", text(name)));
    const body = byId("student-body");
    body.replaceChildren();
    if (text(error)) body.append(make("pre", "message", inOrder(text(error))));
    for (const [question, state, score, of, note, cases] of questions) {
      const heading = make("h3", "", text(question));
      heading.append(" ", status(state), " ", points(score, of));
      body.append(heading);
      if (text(note)) body.append(make("p", "soft", text(note)));
      const list = make("ul", "cases");
      for (const [called, hidden, ended, earned, worth, message] of cases) {
        const item = make("li");
        const line = make("div", "head");
        line.append(status(ended), " ", make("bdi", "", text(called)), " ");
        if (hidden) line.append(make("span", "tag", "hidden"), " ");
        line.append(points(earned, worth));
        item.append(line);
        if (text(message)) item.append(make("pre", "message", text(message)));
        list.append(item);
      }
      if (cases.length) body.append(list);
    }
    dialog.showModal();
    dialog.scrollTop = 0;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-student]");
    if (button) open(Number(button.dataset.student));
  });
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  // Theme: what the system says, until somebody chooses.
  const theme = byId("theme");
  const themes = ["auto", "light", "dark"];
  const show = (name) => {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    theme.textContent = `Theme: ${name}`;
    theme.dataset.now = name;
  };
  let chosen = "auto";
  try { chosen = localStorage.getItem("grader-theme") || "auto"; } catch { /* a file may have no storage */ }
  show(themes.includes(chosen) ? chosen : "auto");
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(theme.dataset.now) + 1) % themes.length];
    show(next);
    try { localStorage.setItem("grader-theme", next); } catch { /* chosen for this visit only */ }
  });
  find();
  document.documentElement.classList.add("ready");
})();
