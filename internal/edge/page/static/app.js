// What JavaScript adds to pages that work without it: copying an id, the "/" key,
// closing menus, and warning-free polling by htmx (regions name their own address).
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");

  document.addEventListener("click", function (e) {
    var copy = e.target.closest("[data-copy]");
    if (copy) {
      navigator.clipboard.writeText(copy.dataset.copy).then(function () {
        var said = document.getElementById("said");
        if (said) said.textContent = copy.dataset.copied;
        copy.classList.add("text-success");
        setTimeout(function () { copy.classList.remove("text-success"); }, 1200);
      });
      return;
    }
    if (e.target.closest("[data-print]")) { window.print(); return; }
    document.querySelectorAll("details.pop[open]").forEach(function (d) {
      if (!d.contains(e.target)) d.open = false;
    });
  });

  document.addEventListener("keydown", function (e) {
    if (e.key === "Escape") {
      document.querySelectorAll("details.pop[open]").forEach(function (d) {
        d.open = false;
        d.querySelector("summary").focus();
      });
    }
    if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) || e.target.isContentEditable) return;
    var box = Array.prototype.find.call(document.querySelectorAll("[data-search]"), function (b) { return b.offsetParent; });
    if (box) { e.preventDefault(); box.focus(); box.select(); }
  });

  // A form is sent once: a second press while the first is under way does nothing.
  document.addEventListener("submit", function (e) {
    if (e.target.method !== "post") return;
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    e.target.dataset.sent = "1";
    setTimeout(function () { delete e.target.dataset.sent; }, 8000);
  });

  var fault = document.getElementById("fault");
  if (fault) fault.focus();
})();
