// An independent verifier of Yunshi's evidence: packs (ZIP) and bundles (JSON), as docs/evidence.md defines them.
// It shares no code with the market and needs nothing but Node 18 or newer.
//
//   node verify.mjs FILE KEY [OLD_CHECKPOINT_FILE]
//
// KEY is the log's public key, or a file that holds it. It prints what was proved and ends with 0, or why not with 1.
import { createHash, createPublicKey, verify as signed } from 'node:crypto'
import zlib from 'node:zlib'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const must = (ok, why) => { if (!ok) throw new Error(why) }
const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest()
const utf8 = (bytes) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)

// Base64 that has exactly one spelling.
function base64(text, length) {
  must(typeof text === 'string', 'a hash is missing')
  const raw = Buffer.from(text, 'base64')
  must(raw.toString('base64') === text && (length === undefined || raw.length === length), 'a hash is malformed')
  return raw
}

// RFC 8785: members by name, no space.
function canonical(v) {
  if (Array.isArray(v)) return '[' + v.map(canonical).join(',') + ']'
  if (v !== null && typeof v === 'object') return '{' + Object.keys(v).sort().map((k) => JSON.stringify(k) + ':' + canonical(v[k])).join(',') + '}'
  must(typeof v !== 'number' || Number.isSafeInteger(v), 'a number is not whole')
  must(typeof v !== 'string' || !/\p{Surrogate}/u.test(v), 'a text is half a character')
  return JSON.stringify(v)
}

// JSON in its one form with exactly these members; those with "?" may be absent.
function parse(bytes, what) {
  const text = utf8(bytes), v = JSON.parse(text)
  must(canonical(v) === text, what + ' is not in its one form')
  return v
}
function members(v, ...names) {
  must(v !== null && typeof v === 'object' && !Array.isArray(v), 'an object is missing')
  const known = names.map((n) => n.replace('?', ''))
  must(Object.keys(v).every((k) => known.includes(k)) && names.every((n) => n.endsWith('?') || n in v), 'unexpected members')
}
const list = (v) => { must(Array.isArray(v), 'a list is missing'); return v }
const index = (n) => { must(Number.isSafeInteger(n) && n >= 0, 'a number is malformed'); return BigInt(n) }

// The log's key is a signed-note verifier key: name+hash+base64(1 || Ed25519 key).
function logKey(text) {
  const [name, id, ...rest] = text.trim().split('+'), raw = base64(rest.join('+'))
  must(raw.length === 33 && raw[0] === 1, 'the key is not an Ed25519 key')
  must(sha256(name + '\n', raw).subarray(0, 4).toString('hex') === id, 'the key does not match its own hash')
  const key = createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw.subarray(1)]), format: 'der', type: 'spki' })
  return { name, id, key }
}

// A checkpoint is a signed note: origin, size, root, empty line, one signature of the log.
function checkpoint(note, key) {
  must(typeof note === 'string', 'a checkpoint is missing')
  const [origin, size, root, empty, signature, end, ...more] = note.split('\n')
  must(empty === '' && end === '' && more.length === 0 && origin === key.name, 'a checkpoint is not one of this log')
  must(/^(0|[1-9][0-9]*)$/.test(size), 'a checkpoint has no size')
  const prefix = `— ${key.name} `
  must(signature.startsWith(prefix), 'a checkpoint is not signed by this log')
  const raw = base64(signature.slice(prefix.length))
  must(raw.length === 68 && raw.subarray(0, 4).toString('hex') === key.id, 'a checkpoint is signed by another key')
  must(signed(null, Buffer.from(`${origin}\n${size}\n${root}\n`), key.key, raw.subarray(4)), 'the signature of a checkpoint is wrong')
  return { size: BigInt(size), root: base64(root, 32) }
}

// RFC 9162, 2.1.3.2.
const node = (l, r) => sha256(Buffer.from([1]), l, r)
function inclusion(proof, size, root, at, leaf) {
  must(at < size, 'a record lies outside the log')
  let fn = at, sn = size - 1n, r = leaf
  for (const p of proof) {
    must(sn !== 0n, 'an inclusion proof is too long')
    if (fn & 1n || fn === sn) {
      r = node(p, r)
      while (!(fn & 1n) && fn !== 0n) { fn >>= 1n; sn >>= 1n }
    } else r = node(r, p)
    fn >>= 1n; sn >>= 1n
  }
  must(sn === 0n && r.equals(root), 'a record is not in the log')
}

// RFC 9162, 2.1.4.2.
function consistency(proof, was, now) {
  must(was.size <= now.size, 'an earlier checkpoint is larger')
  if (was.size === now.size || was.size === 0n) {
    const same = was.size === 0n ? sha256('') : now.root
    return must(proof.length === 0 && was.root.equals(same) && (now.size > 0n || now.root.equals(same)), 'two checkpoints contradict each other')
  }
  const path = (was.size & (was.size - 1n)) === 0n ? [was.root, ...proof] : [...proof]
  must(path.length > 0, 'a consistency proof is empty')
  let fn = was.size - 1n, sn = now.size - 1n
  while (fn & 1n) { fn >>= 1n; sn >>= 1n }
  let fr = path[0], sr = path[0]
  for (const c of path.slice(1)) {
    must(sn !== 0n, 'a consistency proof is too long')
    if (fn & 1n || fn === sn) {
      fr = node(c, fr); sr = node(c, sr)
      while (!(fn & 1n) && fn !== 0n) { fn >>= 1n; sn >>= 1n }
    } else sr = node(sr, c)
    fn >>= 1n; sn >>= 1n
  }
  must(sn === 0n && fr.equals(was.root) && sr.equals(now.root), 'the log does not continue an earlier checkpoint')
}

function bundle(bytes, key) {
  const b = parse(bytes, 'a bundle')
  members(b, 'format', 'checkpoint', 'earlier', 'records')
  must(b.format === 'yunshi-proof/1', 'not a bundle of this format')
  const now = checkpoint(b.checkpoint, key)
  for (const e of list(b.earlier)) {
    members(e, 'checkpoint', 'consistency')
    consistency(list(e.consistency).map((h) => base64(h, 32)), checkpoint(e.checkpoint, key), now)
  }
  for (const r of list(b.records)) {
    members(r, 'index', 'leaf?', 'leaf_hash', 'inclusion')
    const leaf = base64(r.leaf_hash, 32)
    must(!('leaf' in r) || typeof r.leaf === 'string' && r.leaf !== '' && sha256(Buffer.from([0]), r.leaf).equals(leaf), 'a record does not have its hash')
    inclusion(list(r.inclusion).map((h) => base64(h, 32)), now.size, now.root, index(r.index), leaf)
  }
  return { ...b, covers: [b.checkpoint, ...b.earlier.map((e) => e.checkpoint)] }
}

// The CRC of ZIP, which newer versions of node:zlib have.
function crc32(bytes) {
  if (zlib.crc32) return zlib.crc32(bytes)
  let c = ~0
  for (const byte of bytes) { c ^= byte; for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1 }
  return ~c >>> 0
}

// Files are stored, one after another, then the directory. What does not write back as the same bytes is refused.
function unzip(bytes) {
  const files = [], heads = [], directory = []
  let at = 0
  while (at + 30 <= bytes.length && bytes.readUInt32LE(at) === 0x04034b50) {
    const size = bytes.readUInt32LE(at + 18), from = at + 30 + bytes.readUInt16LE(at + 26)
    must(from + size <= bytes.length, 'the ZIP ends too early')
    const raw = bytes.subarray(at + 30, from), content = bytes.subarray(from, from + size), about = Buffer.alloc(26)
    for (const [value, offset] of [[20, 0], [0x800, 2], [0x21, 8], [raw.length, 22]]) about.writeUInt16LE(value, offset)
    for (const [value, offset] of [[crc32(content), 10], [size, 14], [size, 18]]) about.writeUInt32LE(value, offset)
    const offset = Buffer.alloc(14)
    offset.writeUInt32LE(at, 10)
    heads.push(Buffer.from('PK\x03\x04'), about, raw, content)
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), about, offset, raw)
    const name = utf8(raw)
    must(/^[^\\:\0]+$/.test(name) && !name.split('/').some((part) => ['', '.', '..'].includes(part)) && raw.length <= 200, 'a file has a bad name')
    files.push({ name, content })
    at = from + size
  }
  const end = Buffer.alloc(22), listed = Buffer.concat(directory)
  end.write('PK\x05\x06')
  end.writeUInt16LE(files.length, 8); end.writeUInt16LE(files.length, 10); end.writeUInt32LE(listed.length, 12); end.writeUInt32LE(at, 16)
  must(Buffer.concat([...heads, listed, end]).equals(bytes), 'the ZIP is not in its one form')
  return files
}

function pack(bytes, key) {
  const [first, second, ...files] = unzip(bytes)
  must(first?.name === 'manifest.json' && second?.name === 'seal.json', 'the pack does not begin with its manifest and seal')
  const manifest = parse(first.content, 'the manifest')
  members(manifest, 'format', 'subject', 'addressee', 'made_at', 'files')
  must(manifest.format === 'yunshi-pack/1' && list(manifest.files).length === files.length, 'the manifest lists other files')
  must([manifest.subject, manifest.addressee, manifest.made_at].every((v) => typeof v === 'string'), 'the manifest is malformed')
  files.forEach((f, i) => {
    const l = manifest.files[i]
    members(l, 'name', 'bytes', 'sha256')
    must(l.name === f.name && l.bytes === f.content.length && l.sha256 === sha256(f.content).toString('hex'), f.name + ' is not the file that the manifest lists')
  })
  const seal = bundle(second.content, key)
  must(seal.records.length === 1 && 'leaf' in seal.records[0], 'the seal is not one record')
  must(JSON.parse(seal.records[0].leaf).data?.manifest_sha256 === sha256(first.content).toString('hex'), 'the seal is of another manifest')
  const records = files.find((f) => f.name === 'records.json')
  const proved = records ? bundle(records.content, key) : undefined
  must(!proved || seal.covers.includes(proved.checkpoint), 'the seal does not continue the log of the records')
  return { files: files.length, records: proved?.records.length ?? 0, covers: seal.covers }
}

// Throws when the file does not hold.
export function check(bytes, key, old) {
  const k = logKey(key), isPack = bytes.subarray(0, 2).toString('latin1') === 'PK'
  const found = isPack ? pack(bytes, k) : bundle(bytes, k)
  must(old === undefined || found.covers.includes(old), 'the file does not continue the checkpoint you kept')
  return isPack ? found : { files: 0, records: found.records.length, covers: found.covers }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const [file, key, old] = process.argv.slice(2)
    const found = check(readFileSync(file), existsSync(key) ? readFileSync(key, 'utf8') : key, old && readFileSync(old, 'utf8'))
    console.log(`holds: ${found.files} files, ${found.records} records, ${found.covers.length} checkpoints`)
  } catch (err) { console.log('does not hold: ' + err.message); process.exitCode = 1 }
}
