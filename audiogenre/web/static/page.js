// What every page does: the theme, playing a track, telling a screen reader.

export const token = document.querySelector('meta[name="csrf"]').content;

export function say(text) {
  document.getElementById('said').textContent = text;
}

/** Ask the server; give its JSON, or throw its reason. */
export async function ask(address, options = {}) {
  const headers = { 'x-csrf-token': token, accept: 'application/json', ...options.headers };
  const answer = await fetch(address, { ...options, headers });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const error = new Error(body.detail || `the server said ${answer.status}`);
  error.status = answer.status;
  error.retryAfter = Number(answer.headers.get('retry-after')) || 0;
  throw error;
}

document.querySelector('form.theme').addEventListener('submit', (event) => {
  event.preventDefault();
  const theme = event.submitter.value;
  document.documentElement.dataset.theme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=strict`;
  document.querySelector(`form.theme .only-${theme}`).focus();
});

// One track plays at a time; a link to audio becomes a button where there is script.
const player = new Audio();
let playing = null;

function stop() {
  player.pause();
  if (playing) {
    playing.setAttribute('aria-pressed', 'false');
    playing.firstElementChild.textContent = '▶';
  }
  playing = null;
}

export function toggle(link) {
  const again = link === playing;
  stop();
  document.querySelectorAll('audio').forEach((each) => each.pause());
  if (again) return;
  playing = link;
  link.setAttribute('aria-pressed', 'true');
  link.firstElementChild.textContent = '❚❚';
  player.src = link.href;
  player.play().catch(() => { if (playing === link) { stop(); say('It cannot be played.'); } });
}

export function upgrade(root) {
  for (const link of root.querySelectorAll('a.play')) {
    link.setAttribute('role', 'button');
    link.setAttribute('aria-pressed', 'false');
  }
}

player.addEventListener('ended', stop);
document.addEventListener('play', (event) => {
  stop();
  document.querySelectorAll('audio').forEach((each) => each !== event.target && each.pause());
}, true);
document.addEventListener('click', (event) => {
  const link = event.target.closest('a.play');
  if (!link) return;
  event.preventDefault();
  toggle(link);
});
document.addEventListener('keydown', (event) => {
  if (event.key === ' ' && event.target.matches?.('a.play')) {
    event.preventDefault();
    toggle(event.target);
  }
});
upgrade(document);
