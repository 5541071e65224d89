package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"strings"

	"yunshi/internal/base/pdf"
	"yunshi/internal/base/proof"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
)

// chapter is what one part says in the summary.
type chapter struct {
	name  string
	facts []Fact
	none  bool
}

// recorded is an act with its position in the log.
type recorded struct {
	audit.Act
	position int64
}

// summary is the pack for a reader without a computer.
type summary struct {
	pack    Pack
	parts   []chapter
	records []recorded
	files   []proof.File
}

// write makes the PDF in a language.
func (s summary) write(w io.Writer, l text.Lang) error {
	say := func(key string, kv ...any) string { return text.In(l, "evidence."+key, kv...) }
	lang := map[text.Lang]string{text.ZH: "zh-CN", text.EN: "en"}[l]
	d := pdf.New(pdf.Sheet{Title: say("title", "Order", string(s.pack.Order)), Lang: lang, At: s.pack.AskedAt})
	d.Text(say("lead"))
	d.Terms([]pdf.Term{
		{Label: say("label.addressee"), Value: say("side." + string(s.pack.For))},
		{Label: say("label.reason"), Value: say("reason." + string(s.pack.Reason))},
		{Label: say("label.asked"), Value: moment(s.pack.AskedAt)},
	})
	for _, c := range s.parts {
		d.Heading(say("part." + c.name))
		if c.none {
			d.Text(say("nothing"))
			continue
		}
		terms := make([]pdf.Term, 0, len(c.facts)+1)
		for _, f := range c.facts {
			terms = append(terms, pdf.Term{Label: say("fact." + f.Label), Value: f.Value(l)})
		}
		d.Terms(append(terms, pdf.Term{Label: say("label.file"), Value: c.name + ".json"}))
	}
	d.Heading(say("part.records"))
	d.Text(say("records.text"))
	var rows [][]string
	for _, r := range s.records {
		clauses, act := strings.Join(r.Clauses, ", "), r.Act.Act
		if r.Refusal != "" {
			act += " (" + r.Refusal + ")"
		}
		rows = append(rows, []string{strconv.FormatInt(r.position, 10), moment(r.Time()), act, clauses})
	}
	d.Table([]pdf.Column{{Label: say("label.position"), Share: 1, Num: true}, {Label: say("label.at"), Share: 2}, {Label: say("label.act"), Share: 3}, {Label: say("label.clauses"), Share: 2}}, rows, nil)
	d.Heading(say("part.files"))
	rows = nil
	for _, f := range s.files {
		sum := sha256.Sum256(f.Content)
		rows = append(rows, []string{f.Name, strconv.Itoa(len(f.Content)), hex.EncodeToString(sum[:])})
	}
	d.Table([]pdf.Column{{Label: say("label.file"), Share: 3}, {Label: say("label.bytes"), Share: 1, Num: true}, {Label: "SHA-256", Share: 5}}, rows, nil)
	d.Heading(say("part.check"))
	d.Text(say("check"))
	return d.Write(w)
}

// readme is for whoever opens the ZIP first.
const readme = `本压缩包是一份订单证据。请先看 summary.zh.pdf。
manifest.json 列出每个文件的 SHA-256；seal.json 是透明日志中的一条记录，含有 manifest.json 的哈希，附包含证明和签名检查点；
records.json 是与订单有关的全部审计记录及其包含证明。核验只需本文件与日志公钥，无需联网，也不需要本平台的程序：
    yunshi check 文件 --key 公钥
    node verify.mjs 文件 公钥
格式说明见 docs/evidence.md。

This archive is the evidence of one order. Begin with summary.en.pdf.
manifest.json lists the SHA-256 of every file; seal.json is a record of the transparency log that holds the hash of
manifest.json, with its inclusion proof and a signed checkpoint; records.json are all audit records about the order with their
inclusion proofs. A check needs this file and the log's public key, no network, and not the market's own program:
    yunshi check FILE --key KEY
    node verify.mjs FILE KEY
docs/evidence.md describes the format.
`
