"use strict";
// Runs in a page that holds each report in a frame of its own; says in its own text what is wrong with their look.
(() => {
  const LARGE = 24, LARGE_BOLD = 18.66; // pixels from which on less contrast is enough, as WCAG has it
  const SLACK = 1; // pixels; browsers round positions
  const parsed = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return { channels: [red, green, blue], alpha };
  };
  const over = (front, share, behind) => behind.map((value, at) => share * front[at] + (1 - share) * value);
  const luminance = (channels) => {
    const [red, green, blue] = channels.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [dark, bright] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const ancestors = (element) => {
    const found = [];
    for (let one = element; one; one = one.parentElement) found.push(one);
    return found;
  };

  const measured = (frame) => {
    const view = frame.contentWindow, page = frame.contentDocument, root = page.documentElement;
    const style = (element) => view.getComputedStyle(element);
    const canvas = style(page.body).backgroundColor;
    const background = (element) =>
      ancestors(element).reverse().reduce((behind, one) => {
        const { channels, alpha } = parsed(style(one).backgroundColor);
        return over(channels, alpha, behind);
      }, parsed(canvas).channels);
    const wrong = [];
    page.querySelectorAll("details").forEach((one) => { one.open = true; });
    if (root.scrollWidth > root.clientWidth)
      wrong.push(`the page is ${root.scrollWidth} px wide, the window ${root.clientWidth} px`);
    const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
    let texts = 0;
    while (walker.nextNode()) {
      const node = walker.currentNode, element = node.parentElement, range = page.createRange();
      if (!node.data.trim() || !element.checkVisibility() || ["SCRIPT", "title"].includes(element.tagName)) continue;
      texts += 1;
      const about = `"${node.data.trim().slice(0, 40)}" in <${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}">`;
      const own = style(element), drawn = element.namespaceURI.endsWith("/svg");
      const size = parseFloat(own.fontSize), large = size >= LARGE || (size >= LARGE_BOLD && own.fontWeight >= 700);
      const { channels, alpha } = parsed(drawn ? own.fill : own.color);
      const behind = background(element);
      // A button that shows itself to who points at it is judged as it is then.
      const share = ancestors(element).reduce((all, one) => all * (one.matches(".copy") ? 1 : style(one).opacity), alpha);
      const ratio = contrast(over(channels, share, behind), behind);
      if (ratio < (large ? 3 : 4.5)) wrong.push(`${about} has a contrast of ${ratio.toFixed(2)}`);
      // Text has to stay in the box that it is laid out in, unless one around it can be scrolled.
      const chain = ancestors(element).filter((one) => one !== page.body && one !== root);
      const scrolled = chain.some((one) => ["auto", "scroll"].includes(style(one).overflowX));
      const box = drawn ? element.closest(".chart") : chain.find((one) => style(one).display !== "inline");
      const limits = chain.filter((one) => ["hidden", "clip"].includes(style(one).overflowX) && !drawn);
      range.selectNodeContents(node);
      for (const at of scrolled ? [] : range.getClientRects()) {
        const outside = [box ?? page.body, ...limits].map((one) => one.getBoundingClientRect())
          .some((edge) => at.left < edge.left - SLACK || at.right > edge.right + SLACK);
        if (outside || at.left < -SLACK || at.right > root.clientWidth + SLACK) {
          wrong.push(`${about} does not fit into its box`);
          break;
        }
      }
    }
    wrong.push(...view.performance.getEntriesByType("resource").map((one) => `it asks for ${one.name}`));
    const dark = view.matchMedia("(prefers-color-scheme: dark)").matches;
    return { width: view.innerWidth, dark, texts, brightness: luminance(parsed(canvas).channels), wrong };
  };

  addEventListener("load", () => {
    const all = [...document.querySelectorAll("iframe")].map((frame) => ({ page: frame.title, ...measured(frame) }));
    document.body.textContent = JSON.stringify(all);
  });
})();
