// Shows /openapi.json: operations by tag, with parameters, bodies and answers. No library, nothing from elsewhere.
"use strict";

const element = (name, text, className) => {
  const node = document.createElement(name);
  if (text) node.textContent = text;
  if (className) node.className = className;
  return node;
};

let description;

const resolve = (schema) => {
  const path = schema && schema.$ref;
  return path ? path.slice(2).split("/").reduce((node, key) => node && node[key], description) : schema;
};

const nameOf = (schema) => {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.oneOf) return schema.oneOf.map(nameOf).join(" | ");
  const type = [].concat(schema.type || "object").join(" | ");
  return type === "array" ? `[${nameOf(schema.items)}]` : type;
};

// An example built from the schema; depth is bounded, in case two schemas name each other.
const example = (schema, depth = 0) => {
  const found = resolve(schema);
  if (!found || depth > 6) return null;
  if (found.example !== undefined) return found.example;
  if (found.examples && found.examples.length) return found.examples[0];
  if (found.default !== undefined) return found.default;
  if (found.allOf) return Object.assign({}, ...found.allOf.map((part) => example(part, depth + 1)));
  if (found.oneOf) {
    const real = found.oneOf.find((part) => part.type !== "null");
    return example(real, depth + 1);
  }
  const type = [].concat(found.type || "object");
  if (type.includes("object")) {
    const result = {};
    for (const [key, part] of Object.entries(found.properties || {})) result[key] = example(part, depth + 1);
    return result;
  }
  if (type.includes("array")) return [example(found.items, depth + 1)];
  if (type.includes("null")) return null;
  if (type.includes("integer") || type.includes("number")) return found.minimum || 1;
  if (type.includes("boolean")) return true;
  return "string";
};

const content = (title, media) => {
  const box = element("div");
  for (const [type, { schema }] of Object.entries(media || {})) {
    box.append(element("p", `${title}: ${type}, ${nameOf(schema)}`));
    if (type.includes("json")) box.append(element("pre", JSON.stringify(example(schema), null, 2)));
  }
  return box;
};

const parameters = (list) => {
  const table = element("table");
  for (const parameter of list) {
    const row = element("tr");
    row.append(element("td", parameter.name), element("td", parameter.in, "muted"));
    row.append(element("td", nameOf(parameter.schema)), element("td", parameter.description || "", "muted"));
    table.append(row);
  }
  return table;
};

const operation = (method, path, data) => {
  const box = element("details");
  const head = element("summary");
  head.append(element("b", method.toUpperCase(), method), element("code", path));
  box.append(head);
  box.dataset.text = `${method} ${path} ${JSON.stringify(data)}`.toLowerCase();
  // Filled when it is opened: the page stays light.
  box.addEventListener("toggle", () => {
    if (box.dataset.filled) return;
    box.dataset.filled = "yes";
    if (data.parameters) box.append(parameters(data.parameters));
    if (data.requestBody) box.append(content("Body", data.requestBody.content));
    for (const [status, answer] of Object.entries(data.responses)) {
      box.append(element("h4", `${status} ${answer.description}`));
      if (status < 300) box.append(content("Answer", answer.content));
    }
  });
  return box;
};

const show = () => {
  document.getElementById("about").textContent = `${description.info.description} Version ${description.info.version}.`;
  const main = document.getElementById("operations");
  for (const tag of description.tags) {
    const section = element("section");
    section.append(element("h2", tag.name), element("p", tag.description, "muted"));
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const [method, data] of Object.entries(methods)) {
        if ((data.tags || []).includes(tag.name)) section.append(operation(method, path, data));
      }
    }
    main.append(section);
  }
};

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const box of document.querySelectorAll("details")) box.hidden = !box.dataset.text.includes(wanted);
});

fetch("/openapi.json")
  .then((answer) => answer.json())
  .then((json) => {
    description = json;
    show();
  })
  .catch((error) => {
    document.getElementById("about").textContent = `The description cannot be loaded: ${error}`;
  });
