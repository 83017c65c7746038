/**
 * A page of our docs as plain text: sections without their hashes, commands indented, links by their words alone.
 * Knows what those pages use, not all of Markdown.
 */
export function plainPage(markdown: string): string {
  let inCode = false;
  const lines = markdown.split('\n').flatMap((line) => {
    if (line.startsWith('```')) {
      inCode = !inCode;
      return [];
    }
    return [inCode ? `    ${line}` : prose(line)];
  });
  return lines.join('\n');
}

function prose(line: string): string {
  return line
    .replace(/^#+ /, '')
    .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .replaceAll(/\*\*?([^*]+)\*\*?/g, '$1')
    .replaceAll(/`([^`]+)`/g, '$1');
}
