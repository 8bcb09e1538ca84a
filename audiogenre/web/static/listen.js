// The page Listen: files and samples become cards, one request each, a few at a time.
import { ask, say, upgrade } from './page.js';

const AT_ONCE = 2;
const form = document.getElementById('upload');
const answers = document.getElementById('answers');
const queue = [];
let running = 0;

const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

function placeholder(name) {
  const card = document.getElementById('waiting').content.firstElementChild.cloneNode(true);
  card.querySelector('bdi').textContent = name;
  return card;
}

function state(card, text) {
  card.querySelector('.state').textContent = text;
}

function inWords({ status, before }) {
  if (status === 'working') return 'Listening …';
  return before ? `Waiting: ${before} before it.` : 'Waiting: it is next.';
}

function refuse(card, reason) {
  card.removeAttribute('aria-busy');
  card.classList.remove('waiting');
  card.querySelector('progress').remove();
  const text = card.querySelector('.state');
  text.className = 'refused';
  text.textContent = reason;
  say(`${card.querySelector('bdi').textContent}: ${reason}`);
}

/** Put a finished card in the place of one that waits. */
function show(card, html, file) {
  const template = document.createElement('template');
  template.innerHTML = html;
  const done = template.content.querySelector('article');
  card.replaceWith(done);
  if (file && done.querySelector('audio')) {
    const audio = done.querySelector('audio');
    audio.src = URL.createObjectURL(file);
    audio.hidden = false;
  }
  enliven(done);
  const [name, ...said] = ['h2', '.answer', '.sure', '.refused']
    .map((each) => done.querySelector(each)?.textContent.trim().replace(/\s+/g, ' ')).filter(Boolean);
  say(`${name}: ${said.join(', ')}`);
}

/** Have the page's address show a job, so that it can be loaded again. */
function remember(job) {
  const address = new URL(location.href);
  address.searchParams.append('show', job.id);
  history.replaceState(null, '', address);
}

/** Follow a job's events to its end. */
function follow(job, card, file) {
  return new Promise((done) => {
    const events = new EventSource(`/api/jobs/${job.id}/events`);
    const end = () => { events.close(); done(); };
    events.onmessage = (event) => {
      const news = JSON.parse(event.data);
      if (news.card) { show(card, news.card, file); end(); } else state(card, inWords(news));
    };
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return;
      refuse(card, 'The server has forgotten this clip. Drop it again.');
      end();
    };
  });
}

async function send({ body, card, file }) {
  if (file && file.size > Number(form.dataset.maxFile)) {
    const most = Math.round(form.dataset.maxFile / 2 ** 20);
    return refuse(card, `Too large: files may have ${most} MB; half a minute is enough.`);
  }
  state(card, 'Sending …');
  for (;;) {
    try {
      const [job] = await ask('/api/jobs', { method: 'POST', body });
      remember(job);
      return await follow(job, card, file);
    } catch (error) {
      if (error.status !== 503) {
        const reason = error.status ? error.message : 'the server cannot be reached; is it still running?';
        return refuse(card, reason[0].toUpperCase() + reason.slice(1));
      }
      const seconds = error.retryAfter || 2;
      state(card, `Many clips at once: trying again in ${seconds} s.`);
      await wait(seconds);
    }
  }
}

async function work() {
  if (running >= AT_ONCE || !queue.length) return;
  running += 1;
  await send(queue.shift());
  running -= 1;
  work();
}

function add(name, field, value) {
  const body = new FormData();
  body.append(field, value);
  const card = placeholder(name);
  state(card, queue.length ? `Waiting: ${queue.length} before it.` : 'Waiting: it is next.');
  answers.append(card);
  queue.push({ body, card, file: field === 'file' ? value : null });
  work();
  return card;
}

function addFiles(files) {
  const cards = [...files].map((each) => add(each.name, 'file', each));
  if (!cards.length) return;
  say(cards.length === 1 ? 'One clip is on its way.' : `${cards.length} clips are on their way.`);
  cards[0].scrollIntoView({ block: 'nearest' });
}

/** Let the cursor move along with the player, and the player go where one clicks. */
function enliven(card) {
  upgrade(card);
  const sound = card.querySelector('.sound');
  const audio = sound?.querySelector('audio');
  if (!audio || audio.hidden) return;
  const cursor = sound.querySelector('.cursor');
  const picture = sound.querySelector('.picture');
  const cells = [...sound.querySelectorAll('tbody td')].slice(0, -1);
  const seconds = Number(sound.dataset.seconds);
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  const draw = () => {
    const share = Math.min(audio.currentTime / seconds, 1);
    cursor.hidden = false;
    cursor.style.left = `${100 * share}%`;
    cells.forEach((cell, i) => cell.classList.toggle('now', Math.floor(audio.currentTime / 5) === i));
    if (!audio.paused && !still.matches) requestAnimationFrame(draw);
  };
  ['play', 'timeupdate', 'seeked', 'pause'].forEach((each) => audio.addEventListener(each, draw));
  picture.addEventListener('click', (event) => {
    const { left, width } = picture.getBoundingClientRect();
    audio.currentTime = seconds * (event.clientX - left) / width;
    audio.play();
  });
}

if (form) {
  const input = document.getElementById('file');
  input.addEventListener('change', () => { addFiles(input.files); input.value = ''; });
  form.addEventListener('submit', (event) => event.preventDefault());
  for (const each of document.querySelectorAll('.samples form[data-name]')) {
    each.addEventListener('submit', (event) => {
      event.preventDefault();
      event.submitter.classList.add('tried');
      add(each.dataset.name, 'track', event.submitter.value).scrollIntoView({ block: 'nearest' });
    });
  }
  const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
  document.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    form.classList.add('over');
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) form.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    form.classList.remove('over');
    addFiles(event.dataTransfer.files);
  });
  for (const each of document.querySelectorAll('article.card')) {
    if (each.ariaBusy === 'true') follow({ id: each.dataset.job }, each); else enliven(each);
  }
  // A search keeps the answers that have come since the page was loaded.
  document.querySelector('form.find')?.addEventListener('submit', (event) => {
    event.target.querySelectorAll('[name="show"]').forEach((each) => each.remove());
    for (const id of new URL(location.href).searchParams.getAll('show')) {
      const field = document.createElement('input');
      Object.assign(field, { type: 'hidden', name: 'show', value: id });
      event.target.append(field);
    }
  });
}
