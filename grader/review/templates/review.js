"use strict";
// Keys, and pages that come without a reload. Everything here also works by links and buttons.
(() => {
  const main = () => document.querySelector("main");
  const byId = (id) => document.getElementById(id);
  const say = (text) => { byId("said").textContent = text; };
  const POLL = 2000; // milliseconds between two questions about changes made elsewhere
  let busy = false;

  const warn = (text) => {
    if (byId("warning")) byId("warning").remove();
    const banner = document.createElement("div");
    banner.id = "warning";
    banner.className = "banner alarm";
    banner.setAttribute("role", "alert");
    banner.textContent = text;
    main().prepend(banner);
  };

  const show = async (address, options, isBack) => {
    if (busy) return;
    busy = true;
    try {
      const response = await fetch(address, options);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.querySelector("main");
      if (!fresh) { location.assign(response.url); return; }
      main().replaceWith(document.adoptNode(fresh));
      document.title = page.title;
      if (!isBack) history.pushState(null, "", response.url);
      begin();
      scrollTo(0, 0);
      main().focus({ preventScroll: true });
      say(document.title);
    } catch {
      warn("Not saved: the page's server does not answer. Start grader review again; what was shown as saved is kept.");
    } finally {
      busy = false;
    }
  };

  const send = (form, button) => {
    const body = new URLSearchParams(new FormData(form));
    if (button && button.name) body.append(button.name, button.value);
    show(form.action, { method: "POST", body });
  };

  const total = () => {
    const form = byId("marking");
    if (!form) return;
    const ticked = [...form.querySelectorAll("input[name=item]:checked")];
    const sum = ticked.reduce((points, one) => points + Number(one.dataset.points), 0);
    const most = Number(form.dataset.max);
    const within = Math.round(Math.min(Math.max(sum, 0), most) * 1e6) / 1e6;
    const hand = form.elements.score.value.trim();
    byId("score").textContent = hand || (ticked.length ? String(within) : "–");
  };

  const begin = () => {
    for (const one of main().querySelectorAll("details[data-keep]")) {
      const name = `grader-${one.dataset.keep}`;
      if (sessionStorage.getItem(name) === "closed") one.open = false;
      one.addEventListener("toggle", () => sessionStorage.setItem(name, one.open ? "open" : "closed"));
    }
  };

  document.addEventListener("submit", (event) => {
    if (!main().contains(event.target)) return;
    event.preventDefault();
    send(event.target, event.submitter);
  });
  document.addEventListener("click", (event) => {
    const all = event.target.closest("button.all");
    if (all) {
      for (const one of all.closest("details").querySelectorAll("input[name=together]")) one.checked = true;
      return;
    }
    const link = event.target.closest("a[href]");
    if (!link || link.target || link.hash || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link.href);
  });
  document.addEventListener("input", total);
  addEventListener("popstate", () => show(location.href, undefined, true));

  const isTyping = (element) => element.matches("textarea, input:not([type=checkbox]), select");
  document.addEventListener("keydown", (event) => {
    const form = byId("marking");
    // What is typed before the next answer is there is meant for nobody's.
    if (!form || busy || event.altKey || event.metaKey) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape") event.target.blur();
      if (event.key === "Enter" && event.ctrlKey) { event.preventDefault(); form.requestSubmit(); }
      return;
    }
    if (event.ctrlKey) return;
    const item = /^[0-9]$/.test(event.key) && form.querySelector(`[data-key="${event.key}"]`);
    const isOnControl = event.target.matches("a, button, summary");
    if (item) item.click();
    else if (event.key === "Enter" && !isOnControl) form.requestSubmit();
    else if (event.key === "c") form.elements.comment.focus();
    else if (event.key === "s") form.elements.score.focus();
    else if (event.key === "u") byId("undo").querySelector("button").click();
    else if (event.key === "ArrowRight") main().querySelector("a[rel=next]").click();
    else if (event.key === "ArrowLeft") main().querySelector("a[rel=prev]").click();
    else return;
    event.preventDefault();
  });

  const look = async () => {
    const { answer, changes, version, rubric, text } = main().dataset;
    if (!changes || document.hidden || busy) return;
    try {
      const response = await fetch(`${changes}?answer=${answer}`);
      const now = await response.json();
      if (main().dataset.answer !== answer) return;
      byId("progress").textContent = now.progress;
      let said = "";
      if (text !== now.text) said = "The student has handed in another answer.";
      else if (version !== String(now.version)) said = `This answer has been changed elsewhere: ${now.state}.`;
      else if (rubric !== String(now.rubric)) said = "The rubric has been changed elsewhere.";
      byId("changed").hidden = !said;
      const place = byId("changed").querySelector("span");
      if (place.textContent !== said) place.textContent = said;
    } catch { /* said as soon as something is to be saved */ }
  };
  setInterval(look, POLL);
  setInterval(() => { if (main().querySelector("[data-again]")) show(location.href, undefined, true); }, POLL);
  begin();
})();
