// Strings that two different ones of have been taken for the same somewhere: by UTF-8, by a path, by a pattern, by a prototype, by cutting.

/** All different. Well-formed Unicode is in it as well as what isn't. */
export function nastyStrings(): readonly string[] {
  const long = 'x'.repeat(10_000)
  return [
    '',
    ' ',
    'a',
    'A',
    'a:b',
    'a\0b',
    '\0',
    '\uFFFD',
    '\uD800',
    '\uDFFF',
    '\uDFFF\uD800',
    'a\uD800b',
    'é',
    'e\u0301',
    '💡',
    '=',
    '#',
    '*',
    '?',
    '[a]',
    '\\',
    '%',
    '%2F',
    '../a',
    '\r\n',
    '"\'',
    '__proto__',
    'constructor',
    'toString',
    '0',
    '00',
    long,
    `${long}y`,
    `y${long}`,
    `${long}\uD800`,
  ]
}
