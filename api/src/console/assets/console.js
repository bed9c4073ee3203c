// The refresh of what is live, the key of the search box, and ages of instants. Every page works without it.
"use strict";
(() => {
  const choices = [2, 5, 10, 0];
  // A console that nobody touches asks no more, so that an open page does not keep a session for ever.
  const untouched = 15 * 60 * 1000;
  let seconds = 5;
  try {
    const kept = Number(localStorage.getItem("refresh") ?? 5);
    if (choices.includes(kept)) seconds = kept;
  } catch { /* no storage: the usual pace */ }
  let tag = "";
  let timer = 0;
  let touched = Date.now();
  let note = null;

  const live = () => document.querySelectorAll("[data-live]");

  function age(time) {
    const past = Math.max(0, Math.round((Date.now() - Date.parse(time.dateTime)) / 1000));
    const text = past < 60 ? `${past} s` : past < 3600 ? `${Math.floor(past / 60)} min` : `${Math.floor(past / 3600)} h ${Math.floor(past / 60) % 60} min`;
    time.title = `${text} ago`;
  }

  function ages() {
    document.querySelectorAll("time").forEach(age);
  }

  function swap(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const old of live()) {
      const next = fresh.getElementById(old.id);
      if (!next || old.contains(document.activeElement)) continue;
      const selection = getSelection();
      const selected = selection && !selection.isCollapsed && selection.anchorNode && old.contains(selection.anchorNode);
      if (!selected && !old.isEqualNode(next)) old.replaceWith(document.importNode(next, true));
    }
    ages();
  }

  async function refresh() {
    if (document.hidden || Date.now() - touched > untouched) return;
    try {
      const answer = await fetch(location.href, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (answer.redirected) return location.reload();
      if (answer.status === 200) {
        // Where the focus holds a region back, the next answer must not be "nothing new".
        const held = [...live()].some((region) => region.contains(document.activeElement));
        tag = held ? "" : answer.headers.get("ETag") ?? "";
        swap(await answer.text());
      }
      say(answer.ok || answer.status === 304 ? "" : "The last refresh failed.");
    } catch {
      say("The service does not answer; what is shown may be old.");
    }
  }

  function say(text) {
    if (note && note.textContent !== text) note.textContent = text;
  }

  function start() {
    clearTimeout(timer);
    if (seconds) timer = setTimeout(async () => { await refresh(); start(); }, seconds * 1000);
  }

  function controls() {
    const place = document.getElementById("refresh");
    if (!place || !live().length) return;
    const label = document.createElement("label");
    label.append("Refresh ");
    const select = document.createElement("select");
    for (const choice of choices) {
      const option = new Option(choice ? `every ${choice} s` : "off", choice, false, choice === seconds);
      select.add(option);
    }
    select.addEventListener("change", () => {
      seconds = Number(select.value);
      try { localStorage.setItem("refresh", seconds); } catch { /* for this page only */ }
      start();
    });
    label.append(select);
    note = document.createElement("span");
    note.setAttribute("role", "status");
    place.append(label, note);
    place.hidden = false;
    start();
  }

  document.addEventListener("keydown", (event) => {
    touched = Date.now();
    const box = document.querySelector("input[type=search]");
    if (event.key !== "/" || !box || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select")) return;
    event.preventDefault();
    box.focus();
  });
  document.addEventListener("pointermove", () => { touched = Date.now(); }, { passive: true });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && seconds && live().length) refresh(); });
  controls();
  ages();
})();
