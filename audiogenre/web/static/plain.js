/** A text fit for comparing, as `audiogenre.songs.plain` has it: without case, accents, punctuation. */
export function plain(text) {
  const lower = text.normalize('NFKD').toLowerCase().replace(/ß/g, 'ss').replace(/ς/g, 'σ');
  const folded = lower.normalize('NFKD');
  const bare = folded.replace(/[\u0300-\u036f]/g, '').normalize('NFC');
  const silent = /['`\u00b4\u2018\u2019\u02bc]|(?<!\p{Nd})\.|\.(?!\p{Nd})/gu;
  const spelt = bare.replace(silent, '').replace(/&/g, ' and ');
  const words = spelt.replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ').trim();
  return words || folded.trim().replace(/\s+/g, ' ');
}
