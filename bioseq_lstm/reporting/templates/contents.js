// The entry of the section in view is marked in the list of contents.
const entries = new Map(
  Array.from(document.querySelectorAll(".contents a"), (link) => [link.hash.slice(1), link]),
);
const inView = new Set();
const watcher = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) {
    if (isIntersecting) inView.add(target.id);
    else inView.delete(target.id);
  }
  const current = [...entries.keys()].find((key) => inView.has(key));
  for (const [key, link] of entries) {
    if (key === current && !link.hasAttribute("aria-current")) {
      link.setAttribute("aria-current", "location");
      // On a narrow screen the list is a strip that may have to be moved.
      link.closest("ul").scrollTo({ left: link.offsetLeft - 16 });
    } else if (key !== current) link.removeAttribute("aria-current");
  }
}, { rootMargin: "-10% 0px -60% 0px" });
document.querySelectorAll("main > section").forEach((section) => watcher.observe(section));
