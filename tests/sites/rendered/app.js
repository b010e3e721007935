// A gallery as frameworks build one: the page as it is delivered names neither a picture nor a page.
const app = document.getElementById("app");

function add(name, properties, parent = app) {
  const element = Object.assign(document.createElement(name), properties);
  parent.append(element);
  return element;
}

const FIRST = ["/drawn/1.png", "/drawn/2.png", "/drawn/3.png", "/drawn/4", "/drawn/5?size=large", "/drawn/6.webp"];
for (const src of FIRST) add("img", { src });

add("img", { srcset: "/sizes/small.png 320w, /sizes/large.png 1280w", sizes: "240px" });
add("div", { className: "hero" });
add("video", { poster: "/videos/poster.png", src: "/videos/moving.mp4" }, add("div").attachShadow({ mode: "open" }));

// Loaded by itself and shown as a blob.
fetch("/api/file?id=7")
  .then(answer => answer.blob())
  .then(blob => add("img", { src: URL.createObjectURL(blob) }));

// Far below what is on the screen.
const lazy = add("img", { style: "margin-top: 4000px" });
new IntersectionObserver(seen => {
  if (seen.some(each => each.isIntersecting)) lazy.src = "/lazy/9.png";
}).observe(lazy);

// More, for as long as somebody scrolls.
const end = add("div", { style: "height: 10px", textContent: "…" });
let page = 0, loading = false;
new IntersectionObserver(async seen => {
  if (loading || !seen.some(each => each.isIntersecting)) return;
  loading = true;
  const answer = await fetch(`/api/list?page=${page + 1}`);
  const { pictures, album } = await answer.json();
  page += 1;
  const more = document.createElement("div");
  more.style.minHeight = "2600px";
  for (const src of pictures) add("img", { src }, more);
  add("a", { href: album, textContent: "Album" }, more);
  end.before(more);
  loading = false;
}).observe(end);

add("a", { href: "/about", textContent: "About" });
