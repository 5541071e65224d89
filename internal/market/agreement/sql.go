package agreement

import (
	"encoding/json"

	"yunshi/internal/base/db"
)

const versionCols = `id, kind, code, number, title_zh, title_en, place_of_signing_zh, place_of_signing_en, governing_law_zh, governing_law_en,
	jurisdiction, sha256, published_at, effective_at`

const (
	sqlInsertVersion = `INSERT INTO agreement_version (` + versionCols + `, source)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (code, number) DO NOTHING`
	sqlInsertClause  = `INSERT INTO agreement_clause (version, position, clause, emphasis, kind) VALUES ($1, $2, $3, $4, $5)`
	sqlInsertSetting = `INSERT INTO agreement_rulebook (version, setting, value) VALUES ($1, $2, $3)`
	sqlNewest        = `SELECT ` + versionCols + ` FROM agreement_version WHERE code = $1 ORDER BY number DESC LIMIT 1`
	sqlGet           = `SELECT ` + versionCols + `, source FROM agreement_version WHERE code = $1 AND number = $2`
	sqlVersions      = `SELECT ` + versionCols + ` FROM agreement_version WHERE code = $1 ORDER BY number DESC`
	// In force is the highest number whose effective time has come.
	sqlGetInForce = `SELECT ` + versionCols + `, source FROM agreement_version WHERE code = $1 AND effective_at <= $2 ORDER BY number DESC LIMIT 1`
	sqlBundle     = `SELECT ` + versionCols + ` FROM agreement_version v WHERE effective_at <= $1 AND kind <> 'privacy'
		AND NOT EXISTS (SELECT 1 FROM agreement_version w WHERE w.code = v.code AND w.effective_at <= $1 AND w.number > v.number)
		ORDER BY kind, code`
	sqlSetting = `SELECT s.value, v.code, v.number FROM agreement_rulebook s JOIN agreement_version v ON v.id = s.version
		WHERE s.setting = $1 AND v.effective_at <= $2
		AND NOT EXISTS (SELECT 1 FROM agreement_version w WHERE w.code = v.code AND w.effective_at <= $2 AND w.number > v.number)
		ORDER BY v.code LIMIT 1`
	sqlBoldInForce = `SELECT c.clause FROM agreement_clause c WHERE c.version = $1 AND c.emphasis = 'bold' ORDER BY c.position`

	sqlInsertBundle  = `INSERT INTO agreement_bundle (hash, position, version) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	sqlBundleSources = `SELECT v.id, v.kind, v.code, v.number, v.title_zh, v.title_en, v.place_of_signing_zh, v.place_of_signing_en,
		v.governing_law_zh, v.governing_law_en, v.jurisdiction, v.sha256, v.published_at, v.effective_at, v.source
		FROM agreement_bundle b JOIN agreement_version v ON v.id = b.version WHERE b.hash = $1 ORDER BY b.position`
)

func versionDest(v *Version, published, effective *int64) []any {
	return []any{
		&v.ID, &v.Kind, &v.Code, &v.Number, &v.Title.ZH, &v.Title.EN, &v.PlaceOfSigning.ZH, &v.PlaceOfSigning.EN,
		&v.GoverningLaw.ZH, &v.GoverningLaw.EN, &v.Jurisdiction, &v.SHA256, published, effective,
	}
}

func scanVersion(s db.Scanner) (Version, error) {
	var v Version
	var published, effective int64
	err := s.Scan(versionDest(&v, &published, &effective)...)
	v.PublishedAt, v.EffectiveAt = db.Time(published), db.Time(effective)
	return v, err
}

// scanSource also reads the document and what is in it.
func scanSource(s db.Scanner) (Version, error) {
	var v Version
	var published, effective int64
	var source string
	if err := s.Scan(append(versionDest(&v, &published, &effective), &source)...); err != nil {
		return Version{}, err
	}
	v.PublishedAt, v.EffectiveAt, v.Source = db.Time(published), db.Time(effective), []byte(source)
	var d document
	if err := json.Unmarshal(v.Source, &d); err != nil {
		return Version{}, err
	}
	v.Chapters, v.Clauses = d.Chapters, d.parts()
	return v, nil
}

const recordCols = `id, account, bundle, method, document, user_id, session, locale, text_sha256, accepted_at`

const (
	sqlInsertDisplay = `INSERT INTO agreement_display (id, account, user_id, session, bundle, locale, emphasised, displayed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	sqlDisplayed = `SELECT locale FROM agreement_display WHERE account = $1 AND bundle = $2 AND user_id = $3 ORDER BY displayed_at DESC LIMIT 1`
	sqlDisplays  = `SELECT displayed_at, user_id, locale, emphasised FROM agreement_display WHERE account = $1 AND bundle = $2 ORDER BY displayed_at, id`

	sqlInsertRecord = `INSERT INTO agreement_acceptance (` + recordCols + `, ip_sealed, user_agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (account, bundle, method) DO NOTHING`
	sqlRecords    = `SELECT ` + recordCols + ` FROM agreement_acceptance WHERE account = $1 AND bundle = $2 ORDER BY accepted_at, id`
	sqlAllRecords = `SELECT ` + recordCols + ` FROM agreement_acceptance WHERE account = $1 ORDER BY accepted_at, id`
)

func scanRecord(s db.Scanner) (Record, error) {
	var v Record
	var at int64
	err := s.Scan(&v.ID, &v.Account, &v.Bundle, &v.Method, &v.Document, &v.User, &v.Session, &v.Locale, &v.TextSHA256, &at)
	v.AcceptedAt = db.Time(at)
	return v, err
}

func scanShown(s db.Scanner) (Shown, error) {
	var v Shown
	var at int64
	var ids string
	if err := s.Scan(&at, &v.User, &v.Locale, &ids); err != nil {
		return Shown{}, err
	}
	v.At = db.Time(at)
	return v, json.Unmarshal([]byte(ids), &v.Emphasised)
}

type setting struct {
	value, code string
	number      int64
}

func scanSetting(s db.Scanner) (setting, error) {
	var v setting
	err := s.Scan(&v.value, &v.code, &v.number)
	return v, err
}
