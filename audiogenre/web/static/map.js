// The page Map: filter, search, point at, play. The server draws up to 5,000 points, a canvas more.
import { ask, say, toggle, upgrade } from './page.js';
import { plain } from './plain.js';
import './work.js';

const atlas = document.querySelector('.atlas');
const plane = atlas.querySelector('.plane');
const form = document.querySelector('.filter');
const ring = plane.querySelector('.ring');
const canvas = plane.querySelector('canvas');
const circles = [...plane.querySelectorAll('circle')];
const list = atlas.querySelector('.list');
const pointed = atlas.querySelector('.point');
const MARGIN = 3; // of the drawing, in its 100 units
const REACH = 16; // px

const { points } = await ask('/api/map');
for (const each of points) each.words = plain(`${each.artist} ${each.title}`);
const byId = new Map(points.map((each) => [each.track_id, each]));
const classes = new Map();
for (const each of form.querySelectorAll('[name="genre"]')) {
  classes.set(each.value, [...each.parentElement.classList].find((name) => /^g\d|^unknown/.test(name)));
}
const classOf = (point) => classes.get(point.label ?? atlas.dataset.none) ?? 'unknown';
let shown = points;
let current = null;

function row(point) {
  const made = document.getElementById('row').content.firstElementChild.cloneNode(true);
  const [link, names, tag] = made.children;
  const [title, artist] = names.querySelectorAll('bdi');
  made.className = classOf(point);
  made.dataset.id = point.track_id;
  title.textContent = point.title;
  artist.textContent = point.artist;
  tag.textContent = point.label ?? atlas.dataset.none;
  if (point.suggestion) {
    const doubt = document.createElement('span');
    doubt.className = 'doubt';
    doubt.textContent = `or ${point.suggestion}?`;
    tag.append(doubt);
  }
  if (point.audio) {
    link.href = `/audio/${encodeURIComponent(point.track_id)}`;
    link.setAttribute('aria-label', `Play ${point.title} by ${point.artist}`);
  } else {
    const gap = document.createElement('span');
    gap.className = 'play off';
    gap.title = 'Its audio is not here';
    link.replaceWith(gap);
  }
  return made;
}

function paint() {
  if (!canvas) return;
  const side = plane.clientWidth;
  const scale = window.devicePixelRatio || 1;
  canvas.width = canvas.height = side * scale;
  const pen = canvas.getContext('2d');
  pen.scale(side * scale / (100 + 2 * MARGIN), side * scale / (100 + 2 * MARGIN));
  pen.translate(MARGIN, MARGIN);
  const style = getComputedStyle(atlas);
  const colours = new Map();
  for (const name of new Set([...classes.values(), 'unknown'])) {
    const variable = name === 'unknown' ? '--none' : `--${name}`;
    colours.set(name, style.getPropertyValue(variable));
  }
  const visible = new Set(shown);
  for (const each of [...points].sort((a, b) => visible.has(a) - visible.has(b))) {
    pen.globalAlpha = visible.has(each) ? 0.8 : 0.08;
    pen.fillStyle = colours.get(classOf(each));
    pen.beginPath();
    pen.arc(100 * each.x, 100 * each.y, visible.has(each) && each.suggestion ? 0.8 : 0.45, 0, 7);
    pen.fill();
  }
}

function filter() {
  const wanted = new FormData(form);
  const genres = new Set(wanted.getAll('genre'));
  const words = plain(wanted.get('q'));
  shown = points.filter((each) => (!genres.size || genres.has(each.label ?? atlas.dataset.none))
    && (!wanted.has('doubtful') || each.suggestion) && each.words.includes(words));
  const visible = new Set(shown);
  circles.forEach((circle, i) => circle.classList.toggle('off', !visible.has(points[i])));
  atlas.classList.toggle('lit', wanted.has('doubtful'));
  const most = Number(atlas.dataset.listed);
  list.replaceChildren(...shown.slice(0, most).map(row));
  upgrade(list);
  atlas.querySelector('.matches').textContent = shown.length;
  atlas.querySelector('.more').hidden = shown.length <= most;
  atlas.querySelector('.nothing').hidden = shown.length > 0;
  paint();
  const address = new URL(location.href);
  address.search = new URLSearchParams([...wanted].filter(([, value]) => value)).toString();
  history.replaceState(null, '', address);
}

function ringAt(point) {
  ring.hidden = !point;
  if (!point) return;
  const share = (value) => `${100 * (100 * value + MARGIN) / (100 + 2 * MARGIN)}%`;
  ring.style.left = share(point.x);
  ring.style.top = share(point.y);
}

function pointAt(point) {
  if (point === current) return;
  current = point;
  ringAt(point);
  if (!point) return;
  const made = row(point);
  pointed.querySelector('ul').replaceChildren(made);
  pointed.querySelector('ul').hidden = false;
  pointed.querySelector('p').hidden = true;
  upgrade(pointed);
}

/** The shown point nearest to the pointer, if one is near. */
function nearest(event) {
  const { left, top, width } = plane.getBoundingClientRect();
  const unit = width / (100 + 2 * MARGIN);
  const x = (event.clientX - left) / unit - MARGIN;
  const y = (event.clientY - top) / unit - MARGIN;
  let found = null;
  let least = Math.max(REACH / unit, 1.2) ** 2;
  for (const each of shown) {
    const distance = (100 * each.x - x) ** 2 + (100 * each.y - y) ** 2;
    if (distance < least) { found = each; least = distance; }
  }
  return found;
}

plane.addEventListener('pointermove', (event) => {
  const found = nearest(event);
  if (found) pointAt(found);
  plane.classList.toggle('near', Boolean(found));
});
plane.addEventListener('click', (event) => {
  const found = nearest(event);
  if (!found) return;
  pointAt(found);
  const link = pointed.querySelector('a.play');
  if (link) toggle(link);
});
const fromList = (event) => {
  const item = event.target.closest('li[data-id]');
  if (!item) return;
  current = byId.get(item.dataset.id);
  ringAt(current);
};
list.addEventListener('pointerover', fromList);
list.addEventListener('focusin', fromList);
list.addEventListener('keydown', (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const links = [...list.querySelectorAll('a.play')];
  const next = links[links.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('input', filter);
form.addEventListener('change', () => say(`${shown.length} tracks`));
const repaint = () => paint();
new ResizeObserver(repaint).observe(plane);
new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ['data-theme'] });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
filter();
atlas.classList.add('live');
