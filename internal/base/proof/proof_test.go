package proof_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/proof"
	"yunshi/internal/base/tlog"
	"yunshi/internal/testkit"
)

// Keys of a log that exists only here and in the published vectors.
const (
	origin    = "yunshi.market/log"
	signing   = "PRIVATE+KEY+yunshi.market/log+0a1fd816+ARC3Q6nQvDC8b+fPmaVPKxNRCJqpM8KbQtZOJnN/y56r"
	verifying = "yunshi.market/log+0a1fd816+AVMUBG/QrzrIV/db7AV+f8vfH4kJMTnwHDS4++O56r4k"
	foreign   = "PRIVATE+KEY+yunshi.market/log+a24ecc14+AaPrIqyI1bjXEWySOMsgxVKJPeDRJxUSxOeJDfvtrtYo"

	vectorsFile  = "../../../docs/evidence-vectors.json"
	verifierFile = "../../../examples/verifier/verify.mjs"
)

var update = flag.Bool("update", false, "write the published vectors anew")

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// log is a small log whose records are the given texts.
type log struct {
	tlog.Memory
	texts []string
}

func (l *log) add(texts ...string) {
	for _, text := range texts {
		if err := l.Append([]byte(text)); err != nil {
			panic(err)
		}
		l.texts = append(l.texts, text)
	}
}

func (l *log) checkpoint(size int64) string {
	return string(must(tlog.Sign(tlog.Checkpoint{Origin: origin, Size: size, Root: must(tlog.Root(size, l))}, signing)))
}

func (l *log) bundle(size int64, shown bool, records []int64, earlier ...int64) proof.Bundle {
	b := proof.Bundle{Checkpoint: l.checkpoint(size)}
	for _, old := range earlier {
		b.Earlier = append(b.Earlier, proof.Earlier{Checkpoint: l.checkpoint(old), Consistency: must(tlog.ProveConsistency(size, old, l))})
	}
	for _, n := range records {
		b.Records = append(b.Records, proof.NewRecord(n, l.texts[n], must(tlog.ProveInclusion(size, n, l)), shown))
	}
	return b
}

func text(n int) string {
	return fmt.Sprintf(`{"id":"rec_%02d","act":"order.paid","subjects":["ord_1"],"data":{"paid":"19.80","note":"云市 \u003c%d"}}`, n, n)
}

func grown(n int) *log {
	l := &log{}
	for i := range n {
		l.add(text(i))
	}
	return l
}

var made = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// pack is a whole pack with two records of a log of 11, sealed at 13.
func pack(change func(files []proof.File) []proof.File) ([]byte, *log) {
	l := grown(11)
	records := l.bundle(11, true, []int64{2, 7})
	records.Records = append(records.Records, l.bundle(11, false, []int64{9}).Records...)
	files := []proof.File{
		{Name: proof.RecordsName, Content: must(records.Encode())},
		{Name: "terms.json", Content: []byte("{\n  \"price\": \"19.80\"\n}\n")},
		{Name: "agreement/说明.txt", Content: []byte("云市服务协议\n")},
		{Name: "empty.txt"},
	}
	manifest, sum, err := proof.List("ord_1", "buyer", made, files)
	if err != nil {
		panic(err)
	}
	l.add(fmt.Sprintf(`{"id":"rec_11","act":"evidence.pack","subjects":["ord_1"],"data":{"manifest_sha256":"%s"}}`, sum), text(12))
	seal := l.bundle(13, true, []int64{11}, 11)
	if change != nil {
		files = change(files)
	}
	return must(proof.Pack(manifest, seal, files)), l
}

func TestAPackHoldsAndSaysWhatItProves(t *testing.T) {
	whole, _ := pack(nil)
	o, err := proof.CheckPack(whole, verifying)
	if err != nil {
		t.Fatal(err)
	}
	if o.Records.Records != 3 || o.Records.Hidden != 1 || o.Records.Checkpoint.Size != 11 || o.Seal.Checkpoint.Size != 13 || len(o.Files) != 4 ||
		o.Manifest.Subject != "ord_1" || !strings.Contains(o.Sealed, "evidence.pack") {
		t.Errorf("%+v", o)
	}
	// It is an ordinary ZIP.
	z, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil || len(z.File) != 6 {
		t.Fatalf("archive/zip: %v, %v", z, err)
	}
	for i, f := range z.File[2:] {
		content := must(io.ReadAll(must(f.Open())))
		if f.Name != o.Files[i].Name || !bytes.Equal(content, o.Files[i].Content) {
			t.Errorf("%s differs", f.Name)
		}
	}
}

// Must show 5: one flipped byte anywhere in a pack is found.
func TestEveryFlippedByteOfAPackIsFound(t *testing.T) {
	whole, _ := pack(nil)
	for i := range whole {
		for _, bit := range []byte{1 << (i % 8), 0xff} {
			whole[i] ^= bit
			if _, err := proof.CheckPack(whole, verifying); !errors.Is(err, proof.ErrBroken) {
				t.Fatalf("byte %d of %d, bits %08b: %v", i, len(whole), bit, err)
			}
			whole[i] ^= bit
		}
	}
	for n := range whole {
		if _, err := proof.CheckPack(whole[:n], verifying); err == nil {
			t.Fatalf("the first %d bytes hold", n)
		}
	}
}

func TestEveryFlippedByteOfABundleIsFound(t *testing.T) {
	l := grown(11)
	whole := must(l.bundle(11, true, []int64{0, 10}, 3, 8).Encode())
	for i := range whole {
		for _, bit := range []int{i % 8, (i + 3) % 8} {
			whole[i] ^= 1 << bit
			if b, err := proof.ParseBundle(whole); err == nil {
				if _, err = b.Check(verifying); err == nil {
					t.Fatalf("byte %d, bit %d of\n%s", i, bit, whole)
				}
			}
			whole[i] ^= 1 << bit
		}
	}
}

func TestCanonicalIsRFC8785(t *testing.T) {
	for in, want := range map[string]string{
		`{"b":1,"a":[true,null,"x"]}`:                           `{"a":[true,null,"x"],"b":1}`,
		`"<&>\u2028\u007f\u0001\n/"`:                            "\"<&>\u2028\u007f\\u0001\\n/\"",
		`{"\ufb33":1,"\ud83d\ude00":2,"1":3,"\r":4,"\u20ac":5}`: "{\"\\r\":4,\"1\":3,\"\u20ac\":5,\"\U0001f600\":2,\"\ufb33\":1}",
		`1.5`:              "",
		`9007199254740992`: "",
	} {
		got, err := proof.Canonical(json.RawMessage(in))
		if want == "" && err == nil || want != "" && string(got) != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
}

func TestNamesStayInsideTheFolder(t *testing.T) {
	for _, name := range []string{"", "/a", "../a", "a/../../b", "a//b", "a\\b", "C:a", ".", "..", "a/", "a\x00b", "\xff"} {
		if _, _, err := proof.List("s", "a", made, []proof.File{{Name: name}}); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
	if _, _, err := proof.List("s", "a", made, []proof.File{{Name: "a"}, {Name: "a"}}); err == nil {
		t.Error("a name is there twice")
	}
}

// vector is one published case.
type vector struct {
	Name  string `json:"name"`
	Holds bool   `json:"holds"`
	Kept  string `json:"kept,omitempty"` // a checkpoint that the checker kept from earlier
	File  []byte `json:"file"`
}

type vectors struct {
	Key   string   `json:"key"`
	Cases []vector `json:"cases"`
}

func all() vectors {
	v := vectors{Key: verifying}
	add := func(name string, holds bool, file []byte, kept ...string) {
		v.Cases = append(v.Cases, vector{Name: name, Holds: holds, Kept: strings.Join(kept, ""), File: file})
	}
	l := grown(11)
	good := func() proof.Bundle { return l.bundle(11, true, []int64{0, 6, 10}, 4, 7) }
	add("bundle", true, must(good().Encode()))
	for size := int64(1); size <= 9; size++ {
		var earlier []int64
		for old := range size + 1 {
			earlier = append(earlier, old)
		}
		add(fmt.Sprintf("bundle-of-%d", size), true, must(l.bundle(size, true, earlier[:size], earlier...).Encode()))
	}
	add("bundle-without-records", true, must(l.bundle(11, true, nil, 11).Encode()))
	add("bundle-with-hidden-texts", true, must(l.bundle(11, false, []int64{5}).Encode()))
	add("bundle-continues-the-kept-checkpoint", true, must(good().Encode()), l.checkpoint(7))
	add("bundle-does-not-continue-the-kept-checkpoint", false, must(good().Encode()), l.checkpoint(8))
	wrong := func(name string, change func(b *proof.Bundle)) {
		b := good()
		change(&b)
		add("bundle-"+name, false, must(b.Encode()))
	}
	wrong("text-changed", func(b *proof.Bundle) { b.Records[1].Leaf = strings.Replace(b.Records[1].Leaf, "19.80", "19.81", 1) })
	wrong("text-and-hash-changed", func(b *proof.Bundle) { b.Records[1] = proof.NewRecord(6, text(5), b.Records[1].Inclusion, true) })
	wrong("index-changed", func(b *proof.Bundle) { b.Records[0].Index = 1 })
	wrong("index-outside", func(b *proof.Bundle) { b.Records[0].Index = 11 })
	wrong("index-negative", func(b *proof.Bundle) { b.Records[0].Index = -1 })
	wrong("proof-short", func(b *proof.Bundle) { b.Records[1].Inclusion = b.Records[1].Inclusion[:2] })
	wrong("proof-long", func(b *proof.Bundle) { b.Records[2].Inclusion = append(b.Records[2].Inclusion, tlog.Hash{}) })
	wrong("proof-swapped", func(b *proof.Bundle) { slices.Reverse(b.Records[1].Inclusion) })
	wrong("consistency-short", func(b *proof.Bundle) { b.Earlier[0].Consistency = b.Earlier[0].Consistency[1:] })
	wrong("consistency-swapped", func(b *proof.Bundle) { slices.Reverse(b.Earlier[1].Consistency) })
	wrong("consistency-of-another", func(b *proof.Bundle) { b.Earlier[0].Consistency = b.Earlier[1].Consistency })
	wrong("earlier-is-larger", func(b *proof.Bundle) { b.Checkpoint = l.checkpoint(4); b.Records = nil })
	other := grown(6)
	other.add(text(99))
	other.add(l.texts[7:]...)
	wrong("history-rewritten", func(b *proof.Bundle) { *b = other.bundle(11, true, []int64{6}); b.Earlier = good().Earlier })
	wrong("other-key", func(b *proof.Bundle) {
		b.Checkpoint = string(must(tlog.Sign(tlog.Checkpoint{Origin: origin, Size: 11, Root: must(tlog.Root(11, l))}, foreign)))
	})
	wrong("unsigned", func(b *proof.Bundle) { b.Checkpoint, _, _ = strings.Cut(b.Checkpoint, "— ") })
	wrong("second-signature", func(b *proof.Bundle) { b.Checkpoint += "— other.example/log AAAAAAAA\n" })
	encoded := string(must(good().Encode()))
	form := func(name, old, new string) {
		changed := strings.Replace(encoded, old, new, 1)
		if changed == encoded {
			panic(name)
		}
		add("bundle-"+name, false, []byte(changed))
	}
	form("space", `,"earlier"`, `, "earlier"`)
	form("order", `{"checkpoint"`, `{"format":"yunshi-proof/1","checkpoint"`)
	form("member-unknown", `"records":[`, `"record":[],"records":[`)
	form("escape", `order.paid`, `\u006frder.paid`)
	form("format", `yunshi-proof/1`, `yunshi-proof/2`)
	form("number", `"index":6`, `"index":6.0`)
	// The last letter before "=" has two bits that decoders like to ignore.
	spare := func(name, before string) {
		at := strings.Index(encoded, before)
		changed := []byte(encoded)
		changed[at-1]++
		if at < 0 || string(changed) == encoded {
			panic(name)
		}
		add("bundle-spare-bits-"+name, false, changed)
	}
	spare("of-a-signature", `=\n"`)
	spare("of-a-hash", `="]`)
	add("bundle-newline-after", false, []byte(encoded+"\n"))
	add("empty", false, []byte{})
	add("not-utf8", false, []byte(strings.Replace(encoded, "paid", "pa\xffd", 1)))

	whole, pl := pack(nil)
	add("pack", true, whole)
	add("pack-continues-the-kept-checkpoint", true, whole, pl.checkpoint(11))
	add("pack-does-not-continue-the-kept-checkpoint", false, whole, pl.checkpoint(12))
	files := func(name string, change func(files []proof.File) []proof.File) {
		changed, _ := pack(change)
		add("pack-"+name, false, changed)
	}
	files("file-changed", func(f []proof.File) []proof.File { f[1].Content = []byte("{\n  \"price\": \"19.81\"\n}\n"); return f })
	files("file-added", func(f []proof.File) []proof.File { return append(f, proof.File{Name: "z.txt"}) })
	files("file-missing", func(f []proof.File) []proof.File { return f[:3] })
	files("file-renamed", func(f []proof.File) []proof.File { f[3].Name = "emptz.txt"; return f })
	files("records-changed", func(f []proof.File) []proof.File {
		f[0].Content = must(pl.bundle(11, true, []int64{3}).Encode())
		return f
	})
	bytesOf := func(name string, change func(b []byte) []byte) { add("pack-"+name, false, change(slices.Clone(whole))) }
	bytesOf("zip-time", func(b []byte) []byte { b[10] = 1; return b })
	bytesOf("zip-comment", func(b []byte) []byte { b[len(b)-2] = 1; return append(b, 'x') })
	bytesOf("zip-tail", func(b []byte) []byte { return append(b, 0) })
	bytesOf("zip-cut", func(b []byte) []byte { return b[:len(b)-1] })
	bytesOf("zip-head", func(b []byte) []byte { return b[:20] })
	add("pack-zip-by-another-writer", false, rezipped(whole))
	// A whole pack by whoever holds no record of the log: everything fits but the seal.
	m, _, err := proof.List("ord_1", "buyer", made, nil)
	if err != nil {
		panic(err)
	}
	add("pack-of-another-manifest", false, must(proof.Pack(m, pl.bundle(13, true, []int64{11}, 11), nil)))
	add("pack-seal-without-text", false, must(proof.Pack(m, pl.bundle(13, false, []int64{11}, 11), nil)))
	unlinked := unsealed(whole)
	add("pack-seal-of-an-unlinked-log", false, must(proof.Pack(unlinked[0].Content, pl.bundle(13, true, []int64{11}), unlinked[2:])))
	return v
}

// unsealed are the files of a pack as archive/zip reads them.
func unsealed(whole []byte) (files []proof.File) {
	for _, f := range must(zip.NewReader(bytes.NewReader(whole), int64(len(whole)))).File {
		files = append(files, proof.File{Name: f.Name, Content: must(io.ReadAll(must(f.Open())))})
	}
	return files
}

// rezipped has the same files, deflated.
func rezipped(whole []byte) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range unsealed(whole) {
		must(must(w.Create(f.Name)).Write(f.Content))
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// holds is the answer of this package to a case.
func (v vector) holds(key string) bool {
	if proof.IsPack(v.File) {
		o, err := proof.CheckPack(v.File, key)
		return err == nil && (v.Kept == "" || o.Covers(v.Kept))
	}
	b, err := proof.ParseBundle(v.File)
	if err == nil {
		_, err = b.Check(key)
	}
	return err == nil && (v.Kept == "" || b.Covers(v.Kept))
}

func TestThePublishedVectors(t *testing.T) {
	text, err := json.MarshalIndent(all(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(vectorsFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(vectorsFile)
	if err != nil || !bytes.Equal(published, text) {
		t.Fatalf("docs/evidence-vectors.json is not what this test makes (-update writes it): %v", err)
	}
	var read vectors
	if err := json.Unmarshal(published, &read); err != nil {
		t.Fatal(err)
	}
	for _, c := range read.Cases {
		if got := c.holds(read.Key); got != c.Holds {
			t.Errorf("%s holds: %v, want %v", c.Name, got, c.Holds)
		}
	}
}

// Must show 5: a second, independent reader agrees on every vector, and finds
// every flipped byte too.
func TestTheIndependentVerifierAgrees(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		testkit.MissingInCI(t, "Node is missing; scripts/setup-tests.sh installs it")
	}
	if lines := bytes.Count(must(os.ReadFile(verifierFile)), []byte("\n")); lines > 200 {
		t.Errorf("the verifier has %d lines; 200 can be read in one sitting", lines)
	}
	whole, _ := pack(nil)
	file := filepath.Join(t.TempDir(), "pack.zip")
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), node, "testdata/agree.mjs", verifierFile, vectorsFile, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var want strings.Builder
	for _, c := range all().Cases {
		fmt.Fprintln(&want, c.Name, c.Holds)
	}
	fmt.Fprintln(&want, "missed 0")
	if string(out) != want.String() {
		t.Errorf("the verifier says\n%s\nwant\n%s", out, want.String())
	}
	for args, says := range map[string]string{verifying: "holds: 4 files, 3 records, 2 checkpoints\n", strings.Replace(verifying, "AVM", "AVN", 1): "does not hold: "} {
		out, err := exec.CommandContext(t.Context(), node, verifierFile, file, args).CombinedOutput()
		if !strings.HasPrefix(string(out), says) || (err == nil) != strings.HasPrefix(says, "holds") {
			t.Errorf("%q, %v", out, err)
		}
	}
}
