// Makes what is on the page equal to what the server sent, touching only what differs: focus, selection, scroll and open
// details stay where they are.

const KEPT = new Set(["open", "style"]); // the reader's own: whether a detail is open, where the map is looked at from

export function morph(element, html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  children(element, fresh.content);
}

function children(old, fresh) {
  const byId = new Map();
  for (const child of old.children) if (child.id) byId.set(child.id, child);
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const held = wanted.id ? byId.get(wanted.id) : undefined;
    if (held) {
      if (held === at) at = at.nextSibling;
      else old.insertBefore(held, at);
      node(held, wanted);
    } else if (at && alike(at, wanted)) {
      const next = at.nextSibling;
      node(at, wanted);
      at = next;
    } else {
      old.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function alike(old, wanted) {
  return old.nodeType === wanted.nodeType && old.nodeName === wanted.nodeName && (old.id || "") === (wanted.id || "");
}

function node(old, wanted) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== wanted.nodeValue) old.nodeValue = wanted.nodeValue;
    return;
  }
  if (old.isEqualNode(wanted)) return;
  attributes(old, wanted);
  if (!isBeingWritten(old)) children(old, wanted);
}

function attributes(old, wanted) {
  for (const { name } of [...old.attributes]) if (!wanted.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
  for (const { name, value } of wanted.attributes) {
    if (KEPT.has(name) && old.hasAttribute(name)) continue;
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

// What somebody is filling in is theirs until it is sent.
function isBeingWritten(element) {
  return element.matches("form.act, textarea, select") && element.contains(document.activeElement);
}
