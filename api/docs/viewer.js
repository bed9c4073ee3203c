// What /docs can do beyond being read: find operations, and try them. No library, nothing from elsewhere.
"use strict";

for (const part of document.querySelectorAll(".script")) part.hidden = false;

const filter = document.getElementById("filter");
filter.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  for (const box of document.querySelectorAll("details")) {
    box.hidden = !box.querySelector("summary").textContent.toLowerCase().includes(wanted);
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector("details:not([hidden])");
  }
});

// A link to one operation opens it.
const open = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") target.open = true;
};
addEventListener("hashchange", open);
open();

const request = (form) => {
  const token = document.getElementById("token").value.trim();
  const { method, media, credential } = form.dataset;
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const headers = new Headers();
  for (const field of form.querySelectorAll("input")) {
    if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    else if (field.value !== "" && field.dataset.in === "query") query.set(field.name, field.value);
    else if (field.value !== "") headers.set(field.name, field.value);
  }
  if (token && credential === "switch") headers.set("X-Internal-API-Token", token);
  else if (token) headers.set("Authorization", `Bearer ${token}`);
  const body = form.querySelector("textarea");
  if (body) headers.set("Content-Type", media);
  const address = query.size ? `${path}?${query}` : path;
  return [address, { method, headers, body: body ? body.value : undefined, credentials: token ? "omit" : "same-origin" }];
};

const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const shown = form.querySelector(".answer");
  shown.hidden = false;
  shown.textContent = "…";
  try {
    const [address, options] = request(form);
    const answer = await fetch(address, options);
    shown.textContent = `${answer.status} ${options.method} ${address}\n${pretty(await answer.text())}`;
  } catch (error) {
    shown.textContent = `No answer: ${error.message}`;
  }
});
