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
	sqlGetByID       = `SELECT ` + versionCols + `, source FROM agreement_version WHERE id = $1`
	sqlAllCodes      = `SELECT DISTINCT code FROM agreement_version ORDER BY code`
	sqlAnnounced     = `SELECT ` + versionCols + ` FROM agreement_version WHERE effective_at > $1 ORDER BY effective_at, code`
	// What replaces a version does so at the earliest moment that a later one takes effect.
	sqlReplaced = `SELECT CAST(COALESCE(MIN(effective_at), 0) AS BIGINT) FROM agreement_version WHERE code = $1 AND number > $2`
	// In force is the highest number whose effective time has come.
	sqlGetInForce = `SELECT ` + versionCols + `, source FROM agreement_version WHERE code = $1 AND effective_at <= $2 ORDER BY number DESC LIMIT 1`
	sqlBundle     = `SELECT ` + versionCols + fromBundle
	sqlBundleList = `SELECT kind, code, number, sha256` + fromBundle
	fromBundle    = ` FROM agreement_version v WHERE effective_at <= $1 AND kind <> 'privacy'
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

// scanListed reads what the hash of a bundle is made of.
func scanListed(s db.Scanner) (v Version, err error) {
	err = s.Scan(&v.Kind, &v.Code, &v.Number, &v.SHA256)
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

const recordCols = `id, account, bundle, method, document, user_id, session, locale, text_sha256, accepted_at, proof`

const (
	sqlInsertDisplay = `INSERT INTO agreement_display (id, account, user_id, session, bundle, locale, emphasised, displayed_at, channel)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlDisplayed = `SELECT locale FROM agreement_display WHERE account = $1 AND bundle = $2 AND user_id = $3 AND channel = 'page' ORDER BY displayed_at DESC LIMIT 1`
	sqlDisplays  = `SELECT displayed_at, user_id, locale, emphasised, channel FROM agreement_display WHERE account = $1 AND bundle = $2 ORDER BY displayed_at, id`

	sqlInsertRecord = `INSERT INTO agreement_acceptance (` + recordCols + `, ip_sealed, user_agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (account, bundle, method) DO NOTHING`
	sqlAnyRecord   = `SELECT id FROM agreement_acceptance LIMIT 1`
	sqlLastBundle  = `SELECT bundle FROM agreement_acceptance WHERE account = $1 ORDER BY accepted_at DESC, id DESC LIMIT 1`
	sqlOtherBundle = `SELECT bundle FROM agreement_acceptance WHERE account = $1 AND bundle <> $2 LIMIT 1`
	sqlRecords     = `SELECT ` + recordCols + ` FROM agreement_acceptance WHERE account = $1 AND bundle = $2 ORDER BY accepted_at, id`
	sqlAllRecords  = `SELECT ` + recordCols + ` FROM agreement_acceptance WHERE account = $1 ORDER BY accepted_at, id`
)

func scanRecord(s db.Scanner) (Record, error) {
	var v Record
	var at int64
	err := s.Scan(&v.ID, &v.Account, &v.Bundle, &v.Method, &v.Document, &v.User, &v.Session, &v.Locale, &v.TextSHA256, &at, &v.Proof)
	v.AcceptedAt = db.Time(at)
	return v, err
}

func scanShown(s db.Scanner) (Shown, error) {
	var v Shown
	var at int64
	var ids string
	if err := s.Scan(&at, &v.User, &v.Locale, &ids, &v.Channel); err != nil {
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

const (
	sqlDissolve    = `INSERT INTO agreement_dissolution (account, case_id, dissolved_at, restored_at) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING`
	sqlRestore     = `UPDATE agreement_dissolution SET restored_at = $1 WHERE account = $2 AND restored_at = 0`
	sqlDissolution = `SELECT case_id, dissolved_at FROM agreement_dissolution WHERE account = $1 AND restored_at = 0`
)

func scanDissolution(s db.Scanner) (Dissolution, error) {
	var d Dissolution
	var at int64
	err := s.Scan(&d.Case, &at)
	d.At = db.Time(at)
	return d, err
}

const (
	sqlInsertRefusal = `INSERT INTO agreement_refusal (id, account, version, user_id, at, ended_at) VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT DO NOTHING`
	sqlEndRefusals   = `UPDATE agreement_refusal SET ended_at = $1 WHERE account = $2 AND ended_at = 0`
	sqlRefusals      = `SELECT f.id, f.version, v.code, v.number, f.user_id, f.at, f.ended_at, v.effective_at FROM agreement_refusal f
		JOIN agreement_version v ON v.id = f.version WHERE f.account = $1 ORDER BY f.at, f.id`
	// A refused version counts from the moment it would bind.
	sqlRefusedSince = `SELECT CAST(COALESCE(MIN(v.effective_at), 0) AS BIGINT) FROM agreement_refusal f
		JOIN agreement_version v ON v.id = f.version WHERE f.account = $1 AND f.ended_at = 0 AND v.effective_at <= $2`
)

func scanRefusal(s db.Scanner) (Refusal, error) {
	var v Refusal
	var at, ended, effective int64
	err := s.Scan(&v.ID, &v.Version, &v.Code, &v.Number, &v.User, &at, &ended, &effective)
	v.At, v.EndedAt, v.EffectiveAt = db.Time(at), db.Time(ended), db.Time(effective)
	return v, err
}

const disabledCols = `id, code, clause, jurisdiction, audience, reason_zh, reason_en, by_user, since, ended_by, end_reason, ended_at`

const (
	sqlInsertDisabled = `INSERT INTO agreement_disabled (` + disabledCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', 0) ON CONFLICT DO NOTHING`
	sqlEndDisabled    = `UPDATE agreement_disabled SET ended_by = $1, end_reason = $2, ended_at = $3 WHERE id = $4 AND ended_at = 0`
	sqlGetDisabled    = `SELECT ` + disabledCols + ` FROM agreement_disabled WHERE id = $1`
	sqlAllDisabled    = `SELECT ` + disabledCols + ` FROM agreement_disabled ORDER BY since DESC, id DESC`
	sqlDisabledOf     = `SELECT ` + disabledCols + ` FROM agreement_disabled WHERE code = $1 ORDER BY since DESC, id DESC`
)

func scanDisabled(s db.Scanner) (Disabled, error) {
	var v Disabled
	var since, ended int64
	err := s.Scan(&v.ID, &v.Code, &v.Clause, &v.Jurisdiction, &v.Audience, &v.Reason.ZH, &v.Reason.EN, &v.By, &since, &v.EndedBy, &v.EndReason, &ended)
	v.Since, v.EndedAt = db.Time(since), db.Time(ended)
	return v, err
}

const draftCols = `id, code, number, state, source, consulted, why_zh, why_en, outcome_zh, outcome_en, major, revision, drafted_by, proposed_by,
	approved_by, drafted_at, opened_at, closes_at, effective_at, ended_at, version`

const (
	sqlInsertDraft = `INSERT INTO agreement_draft (` + draftCols + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT DO NOTHING`
	sqlGetDraft  = `SELECT ` + draftCols + ` FROM agreement_draft WHERE id = $1`
	sqlDrafts    = `SELECT ` + draftCols + ` FROM agreement_draft ORDER BY drafted_at DESC, id DESC LIMIT $1`
	sqlInState   = `SELECT ` + draftCols + ` FROM agreement_draft WHERE state = $1 ORDER BY opened_at DESC, id DESC`
	sqlOfVersion = `SELECT ` + draftCols + ` FROM agreement_draft WHERE version = $1`
	// The only change of a draft: at the revision and in the state it was seen.
	sqlMoveDraft = `UPDATE agreement_draft SET state = $1, source = $2, consulted = $3, why_zh = $4, why_en = $5, outcome_zh = $6, outcome_en = $7,
		major = $8, revision = revision + 1, proposed_by = $9, approved_by = $10, opened_at = $11, closes_at = $12, effective_at = $13,
		ended_at = $14, version = $15 WHERE id = $16 AND revision = $17 AND state = $18`
)

func scanDraft(s db.Scanner) (Draft, error) {
	var v Draft
	var source, consulted string
	var drafted, opened, closes, effective, ended int64
	if err := s.Scan(&v.ID, &v.Code, &v.Number, &v.State, &source, &consulted, &v.Why.ZH, &v.Why.EN, &v.Outcome.ZH, &v.Outcome.EN, &v.Major, &v.Revision,
		&v.DraftedBy, &v.ProposedBy, &v.ApprovedBy, &drafted, &opened, &closes, &effective, &ended, &v.Version); err != nil {
		return Draft{}, err
	}
	v.Source, v.Consulted = []byte(source), []byte(consulted)
	v.DraftedAt, v.OpenedAt, v.ClosesAt, v.EffectiveAt, v.EndedAt = db.Time(drafted), db.Time(opened), db.Time(closes), db.Time(effective), db.Time(ended)
	return v, nil
}

const commentCols = `id, draft, account, user_id, clause, body, at, answer, answered_by, answered_at`

const (
	sqlInsertComment = `INSERT INTO agreement_comment (` + commentCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, '', '', 0)`
	sqlAnswer        = `UPDATE agreement_comment SET answer = $1, answered_by = $2, answered_at = $3 WHERE id = $4 AND answered_at = 0`
	sqlGetComment    = `SELECT ` + commentCols + ` FROM agreement_comment WHERE id = $1`
	sqlComments      = `SELECT ` + commentCols + ` FROM agreement_comment WHERE draft = $1 ORDER BY id LIMIT $2`
	sqlCountComments = `SELECT COUNT(*) FROM agreement_comment WHERE draft = $1`
	sqlOwnComments   = `SELECT COUNT(*) FROM agreement_comment WHERE draft = $1 AND account = $2`
)

func scanComment(s db.Scanner) (Comment, error) {
	var v Comment
	var at, answered int64
	err := s.Scan(&v.ID, &v.Draft, &v.Account, &v.User, &v.Clause, &v.Body, &at, &v.Answer, &v.AnsweredBy, &answered)
	v.At, v.AnsweredAt = db.Time(at), db.Time(answered)
	return v, err
}

const challengeCols = `id, account, user_id, bundle, code, asked_by, made_at, sent_at, expires_at, receipt, used_at, way, reply_sha256`

const (
	sqlInsertChallenge = `INSERT INTO agreement_challenge (` + challengeCols + `, reply_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, '', 0, '', '', $9)`
	sqlGetChallenge    = `SELECT ` + challengeCols + ` FROM agreement_challenge WHERE id = $1`
	sqlChallenges      = `SELECT ` + challengeCols + ` FROM agreement_challenge ORDER BY made_at DESC, id DESC LIMIT $1`
	sqlByCode          = `SELECT ` + challengeCols + ` FROM agreement_challenge WHERE code = $1`
	sqlSentChallenge   = `UPDATE agreement_challenge SET sent_at = $1, receipt = $2 WHERE id = $3 AND sent_at = 0`
	sqlUseChallenge    = `UPDATE agreement_challenge SET used_at = $1, way = $2, reply_sealed = $3, reply_sha256 = $4 WHERE id = $5 AND used_at = 0`
)

func scanChallenge(s db.Scanner) (Challenge, error) {
	var v Challenge
	var made, sent, expires, used int64
	err := s.Scan(&v.ID, &v.Account, &v.User, &v.Bundle, &v.Code, &v.AskedBy, &made, &sent, &expires, &v.Receipt, &used, &v.Way, &v.ReplySHA256)
	v.MadeAt, v.SentAt, v.ExpiresAt, v.UsedAt = db.Time(made), db.Time(sent), db.Time(expires), db.Time(used)
	return v, err
}

const paperCols = `id, account, user_id, bundle, state, signed_on, name_sealed, media_type, size, sha256, blob, uploaded_by, uploaded_at, decided_by, decided_at, note`

const (
	sqlInsertPaper = `INSERT INTO agreement_paper (` + paperCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', 0, '')`
	sqlGetPaper    = `SELECT ` + paperCols + ` FROM agreement_paper WHERE id = $1`
	sqlPapers      = `SELECT ` + paperCols + ` FROM agreement_paper ORDER BY uploaded_at DESC, id DESC LIMIT $1`
	sqlDecidePaper = `UPDATE agreement_paper SET state = $1, decided_by = $2, decided_at = $3, note = $4 WHERE id = $5 AND state = 'uploaded'`
)

func scanPaper(r db.Reader) func(db.Scanner) (Paper, error) {
	return func(s db.Scanner) (Paper, error) {
		var v Paper
		var sealed []byte
		var uploaded, decided int64
		if err := s.Scan(&v.ID, &v.Account, &v.User, &v.Bundle, &v.State, &v.SignedOn, &sealed, &v.MediaType, &v.Size, &v.SHA256, &v.Blob, &v.UploadedBy, &uploaded,
			&v.DecidedBy, &decided, &v.Note); err != nil {
			return Paper{}, err
		}
		v.UploadedAt, v.DecidedAt = db.Time(uploaded), db.Time(decided)
		name, err := r.Keys().Open(sealed, paperNameAt(v.ID))
		v.Name = name
		return v, err
	}
}
