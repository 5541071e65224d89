// Cuts NotoSansSC.ttf down to what the PDF files of the market write: GB 2312
// (6,763 Han characters and its punctuation) and Western European Latin. Needs
// only what package.json pins, so that the same font comes out again.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import subsetFont from 'subset-font'

const from = 'node_modules/@expo-google-fonts/noto-sans-sc/'
const letters = new Set()
for (let c = 0x20; c <= 0x17f; c++) letters.add(String.fromCodePoint(c))
const gb2312 = new TextDecoder('gb18030')
for (let row = 0xa1; row <= 0xf7; row++) {
  if (row > 0xa9 && row < 0xb0) continue // not assigned
  for (let cell = 0xa1; cell <= 0xfe; cell++) letters.add(gb2312.decode(Uint8Array.of(row, cell)))
}
for (const c of '–—‘’“”…€₤•→−×﻿') letters.add(c)

const font = await subsetFont(readFileSync(from + '400Regular/NotoSansSC_400Regular.ttf'), [...letters].join(''), {
  targetFormat: 'truetype',
  noLayoutClosure: true,
})
writeFileSync('../NotoSansSC.ttf', font)
copyFileSync(from + 'LICENSE_FONT', '../OFL.txt')
