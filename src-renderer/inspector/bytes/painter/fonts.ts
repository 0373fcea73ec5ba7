/** The window's fonts for a worker, which sees no style sheet: the files that styles/fonts.css names. */
import sans400 from '@fontsource/ibm-plex-sans/files/ibm-plex-sans-latin-400-normal.woff2?url';
import sans500 from '@fontsource/ibm-plex-sans/files/ibm-plex-sans-latin-500-normal.woff2?url';
import sans600 from '@fontsource/ibm-plex-sans/files/ibm-plex-sans-latin-600-normal.woff2?url';
import mono400 from '@fontsource/jetbrains-mono/files/jetbrains-mono-latin-400-normal.woff2?url';

const FACES = [
  ['IBM Plex Sans', '400', sans400],
  ['IBM Plex Sans', '500', sans500],
  ['IBM Plex Sans', '600', sans600],
  ['JetBrains Mono', '400', mono400],
] as const;

/** Loads what the rows are written in. */
export async function loadFonts(fonts: FontFaceSet): Promise<void> {
  const faces = FACES.map(([family, weight, url]) => new FontFace(family, `url("${url}")`, { weight }));
  await Promise.all(faces.map((face) => face.load()));
  for (const face of faces) fonts.add(face);
}
