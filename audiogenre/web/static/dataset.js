// The page Dataset: doubtful labels one by one, by one key each.
import { ask, say, toggle, upgrade } from './page.js';
import './work.js';

const section = document.getElementById('review');
const keys = document.getElementById('keys');
let busy = false;

/** Send a decision and put the next card in the place of this one. */
async function decide(form, decision) {
  if (busy) return;
  busy = true;
  const body = new FormData(form);
  body.set('decision', decision);
  const playing = document.querySelector('.doubts a.play[aria-pressed="true"]');
  try {
    const { said, card, waiting } = await ask('/api/review', { method: 'POST', body });
    if (playing) toggle(playing);
    const template = document.createElement('template');
    template.innerHTML = card;
    document.getElementById('doubts').replaceWith(template.content.querySelector('#doubts'));
    const next = document.getElementById('doubts');
    upgrade(next);
    (next.querySelector('a.play') ?? next.querySelector('button'))?.focus();
    const title = next.querySelector('h3')?.textContent;
    say(`${said} ${title ? `Next: ${title}. ${waiting} wait.` : 'Nothing is left to hear.'}`);
  } catch (error) {
    say(error.message);
    const old = document.querySelector('.doubts .trouble');
    const trouble = old ?? document.createElement('p');
    trouble.className = 'refused trouble';
    trouble.textContent = error.status
      ? `${error.message[0].toUpperCase()}${error.message.slice(1)}.`
      : 'The server cannot be reached: is it still running? Nothing was changed.';
    document.getElementById('doubts').prepend(trouble);
  } finally {
    busy = false;
  }
}

section?.addEventListener('submit', (event) => {
  if (!event.target.closest('.doubts')) return;
  event.preventDefault();
  decide(event.target, event.submitter.value);
});
section?.addEventListener('change', (event) => {
  if (event.target.id !== 'label') return;
  const [first] = event.target.selectedOptions;
  event.target.form.querySelector('.wanted').textContent = first.value || first.text.replace(/ \(the model\)$/, '');
});
document.addEventListener('keydown', (event) => {
  if (!keys?.checked || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input:not([type="checkbox"]), select, textarea')) return;
  const doubts = document.getElementById('doubts');
  if (event.key === ' ' && !event.target.closest('button, a, summary, input')) {
    const link = doubts.querySelector('a.play');
    if (link) { event.preventDefault(); toggle(link); }
    return;
  }
  const decision = { k: 'keep', c: 'change', u: 'unsure', z: 'undo' }[event.key.toLowerCase()];
  const button = decision && doubts.querySelector(`button[value="${decision}"]`);
  if (!button) return;
  event.preventDefault();
  decide(button.form, decision);
});
