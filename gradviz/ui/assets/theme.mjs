// Light or dark: what the system says, unless the person chose.

const KEY = "gradviz-theme";

export function storedTheme() {
  try { return localStorage.getItem(KEY); } catch { return null; }
}

export const systemTheme = () => matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";

export function applyTheme(chosen) {
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  return chosen === "light" || chosen === "dark" ? chosen : systemTheme();
}

export function rememberTheme(theme) {
  try { localStorage.setItem(KEY, theme); } catch { /* a browser without storage forgets */ }
}
