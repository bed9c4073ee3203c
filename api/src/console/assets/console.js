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
  let asking = false;

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
    const selection = getSelection();
    let held = false;
    for (const old of live()) {
      const next = fresh.getElementById(old.id);
      if (!next) continue;
      const selected = selection && !selection.isCollapsed && selection.anchorNode && old.contains(selection.anchorNode);
      // Ages are on both, or a part with an instant would always be another.
      next.querySelectorAll("time").forEach(age);
      old.querySelectorAll("time").forEach(age);
      if (old.isEqualNode(next)) continue;
      if (selected || old.contains(document.activeElement)) held = true;
      else old.replaceWith(document.importNode(next, true));
    }
    return held;
  }

  async function refresh() {
    if (document.hidden || asking) return;
    if (Date.now() - touched > untouched) return say("The refresh rests: move the pointer over the page, or press a key.");
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (answer.redirected) return location.reload();
      if (answer.status === 200) {
        // Where a part was held back, the next answer must not be "nothing new".
        tag = swap(await answer.text()) ? "" : answer.headers.get("ETag") ?? "";
      }
      say(answer.ok || answer.status === 304 ? "" : "The last refresh failed.");
    } catch {
      say("The service does not answer; what is shown may be old.");
    } finally {
      asking = false;
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
  for (const sign of ["pointermove", "wheel", "touchmove"]) {
    document.addEventListener(sign, () => { touched = Date.now(); }, { passive: true });
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden && seconds && live().length) refresh(); });
  // A file's text goes into the field above it: what is sent is what is seen.
  for (const input of document.querySelectorAll("input[type=file][data-into]")) {
    input.parentElement.hidden = false;
    input.addEventListener("change", async () => {
      if (input.files[0]) document.getElementById(input.dataset.into).value = await input.files[0].text();
    });
  }
  controls();
  ages();
})();
