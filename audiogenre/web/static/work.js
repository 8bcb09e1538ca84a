// Follows work that takes minutes, and loads the page again when it is over.
import { say } from './page.js';

for (const place of document.querySelectorAll('[data-work]')) {
  const said = place.querySelector('.said');
  if (!said) continue;
  const events = new EventSource(`/api/work/${place.dataset.work}/events`);
  events.onmessage = (event) => {
    const news = JSON.parse(event.data);
    if (news.status !== 'working') {
      events.close();
      say(news.status === 'done' ? 'It is done.' : 'It did not work.');
      location.reload();
      return;
    }
    said.textContent = `${news.said[0].toUpperCase()}${news.said.slice(1)} …`;
  };
  events.onerror = () => {
    if (events.readyState !== EventSource.CLOSED) return;
    said.textContent = 'The server cannot be reached: is it still running?';
  };
}
