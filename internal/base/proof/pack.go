package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// PackFormat names the form of a pack.
const PackFormat = "yunshi-pack/1"

// The files of a pack that have a meaning of their own.
const (
	ManifestName = "manifest.json" // lists every file but itself and the seal
	SealName     = "seal.json"     // bundle with the record that holds the manifest's hash
	RecordsName  = "records.json"  // bundle with the records about the subject
)

// Manifest lists what is in a pack.
type Manifest struct {
	Format    string   `json:"format"`
	Subject   string   `json:"subject"`   // id of what the pack is about
	Addressee string   `json:"addressee"` // for whom it was made, which decides what is in it
	MadeAt    string   `json:"made_at"`   // RFC 3339
	Files     []Listed `json:"files"`     // by name
}

// Listed is a file of the manifest.
type Listed struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// List makes the manifest of the files, and its SHA-256, which a record of the
// log has to hold under "manifest_sha256".
func List(subject, addressee string, at time.Time, files []File) (text []byte, sum string, err error) {
	m := Manifest{Format: PackFormat, Subject: subject, Addressee: addressee, MadeAt: at.UTC().Format(time.RFC3339), Files: []Listed{}}
	for _, f := range sorted(files) {
		if err := goodName(f.Name); err != nil {
			return nil, "", err
		}
		if f.Name == ManifestName || f.Name == SealName || len(m.Files) > 0 && m.Files[len(m.Files)-1].Name == f.Name {
			return nil, "", broken("there are two files %s", f.Name)
		}
		m.Files = append(m.Files, Listed{Name: f.Name, Bytes: int64(len(f.Content)), SHA256: hash(f.Content)})
	}
	text, err = Canonical(m)
	return text, hash(text), err
}

// Pack writes the files with their manifest and the seal over it.
func Pack(manifest []byte, seal Bundle, files []File) ([]byte, error) {
	sealed, err := seal.Encode()
	if err != nil {
		return nil, err
	}
	return writeZIP(append([]File{{ManifestName, manifest}, {SealName, sealed}}, sorted(files)...))
}

// Opened is a pack that holds.
type Opened struct {
	Manifest Manifest
	Files    []File // those of the manifest
	Seal     Checked
	Sealed   string // the record that vouches for the manifest
	Records  Checked

	seal Bundle
}

// Covers reports whether the seal's log was shown to continue a checkpoint, or is
// that one.
func (o Opened) Covers(checkpoint string) bool { return o.seal.Covers(checkpoint) }

// IsPack reports whether a file begins as a pack does.
func IsPack(text []byte) bool { return bytes.HasPrefix(text, []byte("PK")) }

// CheckPack proves every byte of a pack with the log's public key.
func CheckPack(text []byte, key string) (Opened, error) {
	files, err := readZIP(text)
	if err != nil {
		return Opened{}, err
	}
	if len(files) < 2 || files[0].Name != ManifestName || files[1].Name != SealName {
		return Opened{}, broken("the pack does not begin with its manifest and seal")
	}
	o := Opened{Files: files[2:]}
	if err := o.listed(files[0].Content); err != nil {
		return Opened{}, err
	}
	seal, err := ParseBundle(files[1].Content)
	if err != nil {
		return Opened{}, err
	}
	if o.Seal, err = seal.Check(key); err != nil {
		return Opened{}, err
	}
	if len(seal.Records) != 1 {
		return Opened{}, broken("the seal has %d records, not one", len(seal.Records))
	}
	o.Sealed = seal.Records[0].Leaf
	var leaf struct {
		Data struct {
			Manifest string `json:"manifest_sha256"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(o.Sealed), &leaf); err != nil || leaf.Data.Manifest != hash(files[0].Content) {
		return Opened{}, broken("the sealed record vouches for another manifest")
	}
	o.seal = seal
	return o, o.consistent(key)
}

// listed compares the files with the manifest.
func (o *Opened) listed(manifest []byte) error {
	if err := json.Unmarshal(manifest, &o.Manifest); err != nil {
		return broken("the manifest cannot be read: %v", err)
	}
	if again, err := Canonical(o.Manifest); err != nil || !bytes.Equal(again, manifest) || o.Manifest.Format != PackFormat {
		return broken("the manifest is not in its one form")
	}
	if len(o.Files) != len(o.Manifest.Files) {
		return broken("the manifest lists %d files, the pack has %d", len(o.Manifest.Files), len(o.Files))
	}
	for i, f := range o.Files {
		l := o.Manifest.Files[i]
		if l.Name != f.Name || l.Bytes != int64(len(f.Content)) || l.SHA256 != hash(f.Content) {
			return broken("%s is not the file that the manifest lists", f.Name)
		}
	}
	return nil
}

// consistent checks the records, and that seal and records speak of one log.
func (o *Opened) consistent(key string) error {
	i := slices.IndexFunc(o.Files, func(f File) bool { return f.Name == RecordsName })
	if i < 0 {
		return nil // a pack may have none
	}
	records, err := ParseBundle(o.Files[i].Content)
	if err != nil {
		return err
	}
	if o.Records, err = records.Check(key); err != nil {
		return err
	}
	if !o.Covers(records.Checkpoint) {
		return broken("the seal does not continue the log of the records")
	}
	return nil
}

func sorted(files []File) []File {
	return slices.SortedFunc(slices.Values(files), func(x, y File) int { return strings.Compare(x.Name, y.Name) })
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
