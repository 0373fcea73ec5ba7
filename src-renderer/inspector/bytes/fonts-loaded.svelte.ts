/** Counts up when fonts have come: what was painted before was painted in others. */
class FontsLoaded {
  times = $state(0);

  constructor() {
    document.fonts.addEventListener('loadingdone', () => (this.times += 1));
  }
}

export const fontsLoaded = new FontsLoaded();
