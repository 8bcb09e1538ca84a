// The page Playlists: progress as it happens, and a dialog for a song that is moved.
import { say } from './page.js';

const work = document.getElementById('work');
if (work) {
  const log = work.querySelector('.log');
  const bar = work.querySelector('progress');
  const events = new EventSource(`/api/playlists/events?seen=${log.children.length}`);
  events.onmessage = (event) => {
    const news = JSON.parse(event.data);
    work.querySelector('.state').textContent = news.total
      ? `${news.text}: ${news.done} of ${news.total}` : news.text;
    if (news.total) { bar.max = news.total; bar.value = news.done; } else bar.removeAttribute('value');
    for (const each of news.log) {
      const line = document.createElement('li');
      line.textContent = each;
      log.append(line);
      log.scrollTop = log.scrollHeight;
    }
    if (news.finished) { events.close(); say('Done.'); location.replace('/playlists'); }
  };
}

const dialog = document.querySelector('dialog.move');
if (dialog) {
  dialog.close();
  dialog.showModal();
  dialog.addEventListener('cancel', () => location.replace('/playlists'));
}
