package shop_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/message"
	"yunshi/internal/testkit/tab"
)

// banished ends the agreement of a verified person, as far as bans are concerned.
func (s *site) banished(t *testing.T) audit.Actor {
	t.Helper()
	bad := s.Customer(account.Individual)
	s.Write(func(tx *db.Tx) error {
		c, err := enforcement.Open(t.Context(), tx, s.Compliance, enforcement.Opening{
			Subject: account.ID(bad.Account), Source: enforcement.SelfFound, Violation: "UA 4.11", Facts: "Paid outside.",
			Evidence: []enforcement.Item{{Kind: enforcement.Capture, Title: "chat", Content: []byte("chat")}},
		})
		if err != nil {
			return err
		}
		return enforcement.Banish(t.Context(), tx, s.Compliance, c)
	})
	return bad
}

func (s *site) links(t *testing.T, of string) (out []enforcement.Link) {
	t.Helper()
	s.Read(func(r db.Reader) error {
		all, err := enforcement.Links(t.Context(), r, s.Compliance, 50)
		for _, l := range all {
			if string(l.Account) == of {
				out = append(out, l)
			}
		}
		return err
	})
	return out
}

// enters registers somebody who has the bank account of the banished person.
func (s *site) enters(t *testing.T, lang text.Lang, mail string) (b *browser, c account.Credential) {
	t.Helper()
	b = s.browser(t, lang)
	form := url.Values{"subject_type": {"individual"}, "display_name": {"林一"}, "user_name": {"林一"}, "email": {mail}, "password": {"lamp window forty otter"}, "next": {"/"}}
	b.submit(b.submit(b.get("/register"), "/register", form).is(http.StatusOK), "/agreement", nil).is(http.StatusOK)
	s.Read(func(r db.Reader) (err error) { c, err = account.Find(t.Context(), r, mail); return err })
	return b, c
}

// relative is what that person enters as its identity.
var relative = url.Values{
	"name": {"林一"}, "number": {"110101198805150019"}, "mobile": {"13900139001"}, "email": {"l@example.com"}, "bank_account": {"6225881234567898"}, "consent": {"yes"},
}

// TestTheLinksInARealBrowser opens what the suspended person sees of a link and what
// the officer decides on.
func TestTheLinksInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	s := open(t)
	s.banished(t)
	who, id := s.enters(t, text.ZH, "relative@example.com")
	who.submit(who.get("/account/identity"), "/account/identity", relative).is(http.StatusOK)
	l := s.links(t, string(id.Account))
	if len(l) != 1 {
		t.Fatalf("%+v", l)
	}
	path := enforcement.LinkPath(l[0].ID)
	mine := tab.Serve(t, s.handler, s.token(t, audit.Actor{User: string(id.User), Account: string(id.Account)}))
	officer := tab.Serve(t, s.handler, s.token(t, s.Compliance))
	look := func(state string) {
		b.Languages(func(lang string) {
			for _, page := range [][3]string{{"mine", mine, path}, {"desk", officer, "/operator/bans/" + string(l[0].ID)}, {"bans", officer, "/operator/bans"}} {
				b.Open(page[1], page[2], lang)
				b.Look("link-"+state+"-"+page[0], lang)
			}
		})
	}
	look("suspended")
	who.submit(who.get(path), path+"/appeal", url.Values{"text": {"兄弟共用账户"}}).is(http.StatusOK)
	look("appealed")
}

// TestClause_8_3_OnThePages: the same bank account with another name is suspended,
// told with a way to appeal and without any number, and a person clears it; the same
// identity is refused, and what was found is kept.
func TestClause_8_3_OnThePages(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			s.banished(t)
			officer := s.signedIn(t, lang, s.email(t, s.Compliance))
			t.Run("refused_relative_with_the_same_bank_account", func(t *testing.T) {
				b, id := s.enters(t, lang, "relative@example.com")
				b.submit(b.get("/account/identity"), "/account/identity", relative).is(http.StatusOK)
				l := s.links(t, string(id.Account))
				if len(l) != 1 || l[0].State != enforcement.LinkSuspended {
					t.Fatalf("%+v", l)
				}
				path := enforcement.LinkPath(l[0].ID)
				page := b.get(path).is(http.StatusOK).says(text.In(lang, "ban.kind.bank_account"), text.In(lang, "ban.mine.text")).saysNot("6225881234567898", "7898")
				b.submit(page, path+"/appeal", url.Values{"text": {""}}).is(http.StatusUnprocessableEntity)
				b.submit(page, path+"/appeal", url.Values{"text": {"兄弟共用账户"}}).is(http.StatusOK).says(text.In(lang, "ban.appealed"))
				if !officer.get("/operator").links("/operator/bans/" + string(l[0].ID)) {
					t.Error("no officer is asked")
				}
				desk := "/operator/bans/" + string(l[0].ID)
				officer.get(desk).is(http.StatusOK).says("兄弟共用账户", text.In(lang, "ban.kind.bank_account"))
				officer.submit(officer.get(desk), desk, url.Values{"do": {"other"}, "reason": {"核对过"}}).is(http.StatusOK).says(text.In(lang, "ban.state.cleared"))
				officer.get("/operator/bans").is(http.StatusOK).says(text.In(lang, "ban.kind.id_number"))
			})
			t.Run("allowed_stranger", func(t *testing.T) {
				_, id := s.enters(t, lang, "stranger@example.com")
				if len(s.links(t, string(id.Account))) != 0 {
					t.Error("a stranger is linked")
				}
			})
		})
	}
}

// TestClause_4_7_5_TwoHundredMissesPauseASession is the acceptance test of the row.
func TestClause_4_7_5_TwoHundredMissesPauseASession(t *testing.T) {
	s := open(t)
	by := s.Customer(account.Individual)
	scanner, other := s.signedIn(t, text.EN, s.email(t, by)), s.signedIn(t, text.EN, s.email(t, s.Seller))
	t.Run("allowed_199", func(t *testing.T) {
		for i := range 199 {
			s.Clock.Advance(250 * time.Millisecond)
			scanner.get(fmt.Sprintf("/p/nothing-%d", i)).is(http.StatusNotFound)
		}
	})
	t.Run("refused_200", func(t *testing.T) {
		scanner.get("/p/nothing-last").is(http.StatusNotFound)
		kept := scanner.get("/").is(http.StatusTooManyRequests)
		if kept.header.Get("Retry-After") == "" || !kept.links("/rules/agreement#c4.7.5") {
			t.Error("the refusal says neither how long nor why")
		}
		other.get("/").is(http.StatusOK)
		s.Drain()
		told := 0
		s.Read(func(r db.Reader) error {
			items, err := message.Inbox(t.Context(), r, account.ID(by.Account), "")
			for _, i := range items {
				if i.Code == "N-51" {
					told++
				}
			}
			return err
		})
		if told > 1 {
			t.Errorf("told %d times", told)
		}
		s.Clock.Advance(31 * time.Minute)
		scanner.get("/").is(http.StatusOK)
	})
}

func TestConflict_16_ALawfulDoorForHonestFinders(t *testing.T) {
	for name, jurisdiction := range map[string]string{"CN": "", "OTHER": "OTHER"} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			if jurisdiction != "" {
				s.floor(t, jurisdiction)
			}
			for _, lang := range []text.Lang{text.ZH, text.EN} {
				b := s.browser(t, lang)
				door := b.get("/security").is(http.StatusOK)
				txt := b.get("/.well-known/security.txt").is(http.StatusOK)
				if !strings.Contains(txt.body, "Contact: ") || !strings.Contains(txt.body, "Expires: ") {
					t.Errorf("security.txt: %q", txt.body)
				}
				harbour := text.In(lang, "security.harbour.text")
				if name == "CN" {
					door.says(harbour, text.In(lang, "security.rule.gentle"))
					if !strings.Contains(txt.body, "Policy: ") {
						t.Error("no policy")
					}
				} else {
					door.says(text.In(lang, "security.bare")).saysNot(harbour)
					if strings.Contains(txt.body, "Policy: ") {
						t.Error("a policy that the bare agreement does not have")
					}
				}
				if !door.links("/infringement") {
					t.Error("the footer does not lead to the register")
				}
			}
		})
	}
}

// floor puts the agreement on another set of laws.
func (s *site) floor(t *testing.T, jurisdiction string) {
	t.Helper()
	s.Write(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE agreement_version SET jurisdiction = $1 WHERE kind = 'agreement'`, jurisdiction)
		return err
	})
}

// What an officer adds to a case is sealed there. The store, where a content lies
// once however often it was handed in, keeps what others have put into it.
func TestAnExhibitLeavesAnotherOnesFileAlone(t *testing.T) {
	s := open(t)
	const content = "%PDF-1.4 the letter of both"
	theirs, err := s.files.Put(t.Context(), blob.ByContent, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	subject := s.Customer(account.Individual)
	var id enforcement.ID
	s.Write(func(tx *db.Tx) error {
		c, err := enforcement.Open(t.Context(), tx, s.Compliance, enforcement.Opening{
			Subject: account.ID(subject.Account), Source: enforcement.SelfFound, Violation: "UA 4.11", Facts: "Paid outside.",
			Evidence: []enforcement.Item{{Kind: enforcement.Capture, Title: "chat", Content: []byte("chat")}},
		})
		id = c.ID
		return err
	})
	officer := s.signedIn(t, text.EN, s.email(t, s.Compliance))
	officer.upload("/operator/cases/"+string(id)+"/file", nil, file{"file", "letter.pdf", content}).is(http.StatusOK).says("letter.pdf")
	kept, err := blob.Read(t.Context(), s.files, theirs.Key)
	if err != nil || string(kept) != content {
		t.Errorf("the other's file: %q, %v", kept, err)
	}
}
