// The views side by side: where there is no room for all, the one that is shown is in sight.

export function begin() {
  showChosen();
  addEventListener("resize", showChosen);
}

function showChosen() {
  const chosen = document.querySelector(".views a[aria-current]");
  if (!chosen) return;
  const views = chosen.parentElement;
  const [around, own] = [views.getBoundingClientRect(), chosen.getBoundingClientRect()];
  views.scrollLeft += own.left + own.width / 2 - (around.left + around.width / 2);
}
