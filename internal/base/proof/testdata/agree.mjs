// Runs the independent verifier over the published vectors, and over a pack with each of its bytes flipped in turn.
// Prints one line a vector, "name true|false", and then how many flips were not found.
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [verifier, vectors, pack] = process.argv.slice(2)
const { check } = await import(pathToFileURL(verifier))
const holds = (bytes, key, old) => { try { check(bytes, key, old); return true } catch { return false } }

const { key, cases } = JSON.parse(readFileSync(vectors, 'utf8'))
for (const c of cases) console.log(c.name, holds(Buffer.from(c.file, 'base64'), key, c.kept))
const bytes = readFileSync(pack)
if (!holds(bytes, key)) console.log('the pack does not hold')
let missed = 0
for (let i = 0; i < bytes.length; i++) {
  bytes[i] ^= 1 << i % 8
  if (holds(bytes, key)) missed++
  bytes[i] ^= 1 << i % 8
}
console.log('missed', missed)
