package agreement

import (
	"context"

	"yunshi/internal/base/db"
)

// Law is what mandatory law demands under the agreement, whatever its text says.
// The zero value demands nothing: the bare agreement. A rule that is weaker than
// the law of the agreement in force asks here and takes the stricter of both; no
// rule asks for the name of a jurisdiction.
//
// The numbers in the comments are those of the points where the agreement is
// weaker than later law.
type Law struct {
	Jurisdiction string // "CN", "EU" or "OTHER"

	ChangeNotice   int  // 1: natural days between publishing a change and its effect
	MajorNotice    int  // 1: the same for a change with major impact
	Consultation   bool // 1: a change is open for comments before it is published
	ExitOnOldTerms bool // 1: a vendor who refuses a change leaves under the terms before it

	ExplicitConsent bool // 2: using or looking binds to the contract, never to a handling of personal data
	SeparateConsent bool // 3: consents stand outside what is accepted as a whole

	KnowledgeActs   bool // 4: what the operator learns of a product's defects obliges it to act
	OperatorHelps   bool // 5: product complaints are followed by the operator and can be brought to it
	CapYields       bool // 6: the ceiling of damages yields where law says so
	OfflineDays     int  // 7: natural days after which an unpaid promised refund is a breach; 0: never
	OutsideReports  bool // 8: reports of payment outside the market are taken, and vendors answer for them
	FaultAssessment bool // 9: an incident is exempt only after its fault has been assessed
	HackingAssessed bool // 10: an attack exempts only where no fault was found
	RunOffPlan      bool // 11: who ends the service says how each open matter ends
	ReasonsAppeal   bool // 12: each measure carries reasons, an appeal and the right to a human decision
	AppealDays      int  // 12: natural days to appeal, at least
	ForfeitReviewed bool // 13: a refused refund after a breach is looked at when the buyer is a consumer
	ExportGrace     bool // 14: data is offered for export before it is erased
	Decompiling     bool // 15: the reviewer of a report is told of the acts that the law permits
	HonestFinders   bool // 16: a security contact takes reports, and who keeps its rules is not pursued
	OtherForums     bool // 17: other ways to settle a dispute are shown beside the agreed court
	BankOnNeed      bool // 18: a bank account is asked for only where it is needed
	LicensedOnly    bool // 19: money is collected only through licensed providers
	IllegalReported bool // what was removed as illegal is reported to the authority

	BreachHours       int    // until the authority knows of a breach of personal data; 0: at once where NotifyBreach
	NotifyBreach      bool   // authority and subjects are told of a breach
	BreachArticle     string // that wants the authority told
	RightsDays        int    // to answer a person's request about its data; 0: no limit
	RightsWorking     bool   // RightsDays are working days
	VendorEndDays     int    // natural days between the reasons and the end of a vendor's contract
	TraderSelfCertify bool   // vendors certify that they offer only what is lawful
	NoticeGoodFaith   bool   // a notice of illegal content says that it is given in good faith
}

var laws = map[string]Law{
	// E-Commerce Law 16, 34, 36, 38, 45, 58–63; Civil Code 496–498, 506; Personal Information Protection Law 14, 23,
	// 24, 28–30, 45–47, 57, 69; Consumer Law 26, 44, 55; Penalty Measures 8–9; Cybersecurity Law 21, 47; the regulations on
	// platform rules (order 116), on vulnerabilities (2021) and on non-bank payment (2024).
	"CN": {
		ChangeNotice: 7, MajorNotice: 15, Consultation: true, ExitOnOldTerms: true,
		ExplicitConsent: true, SeparateConsent: true, KnowledgeActs: true, OperatorHelps: true, CapYields: true,
		OfflineDays: 15, OutsideReports: true, FaultAssessment: true, HackingAssessed: true, RunOffPlan: true,
		ReasonsAppeal: true, AppealDays: 15, ForfeitReviewed: true, ExportGrace: true, Decompiling: true,
		HonestFinders: true, OtherForums: true, BankOnNeed: true, LicensedOnly: true, IllegalReported: true,
		NotifyBreach: true, BreachArticle: "PIPL 57", RightsDays: 15, RightsWorking: true, TraderSelfCertify: true,
	},
	// GDPR 6, 7, 12–22, 33–34; Digital Services Act 16, 17, 20, 30; Regulation (EU) 2019/1150 3–4; Directive 2009/24 5–6;
	// Directive 93/13; the payment services directives.
	"EU": {
		ChangeNotice: 15, MajorNotice: 15, ExitOnOldTerms: true,
		ExplicitConsent: true, SeparateConsent: true, KnowledgeActs: true, OperatorHelps: true, CapYields: true,
		OutsideReports: true, FaultAssessment: true, HackingAssessed: true, RunOffPlan: true,
		ReasonsAppeal: true, AppealDays: 183, ForfeitReviewed: true, ExportGrace: true, Decompiling: true,
		HonestFinders: true, OtherForums: true, BankOnNeed: true, LicensedOnly: true,
		BreachHours: 72, NotifyBreach: true, BreachArticle: "GDPR 33", RightsDays: 30, VendorEndDays: 30, TraderSelfCertify: true, NoticeGoodFaith: true,
	},
	"OTHER": {},
}

// Jurisdictions are those that a version may name.
var Jurisdictions = []string{"CN", "EU", "OTHER"}

// LawOf returns the mandatory law of a jurisdiction; of one that is not known,
// none.
func LawOf(jurisdiction string) Law {
	l := laws[jurisdiction]
	l.Jurisdiction = jurisdiction
	return l
}

// stricter returns the law that asks for more notice before a change, field by
// field: a version that brings another law waits as long as either asks.
func stricter(a, b Law) Law {
	a.ChangeNotice = max(a.ChangeNotice, b.ChangeNotice)
	a.MajorNotice = max(a.MajorNotice, b.MajorNotice)
	a.Consultation = a.Consultation || b.Consultation
	return a
}

// notice is how many natural days lie between publishing a change and its effect.
func (l Law) notice(major bool) int {
	if major {
		return max(l.ChangeNotice, l.MajorNotice)
	}
	return l.ChangeNotice
}

// LawInForce returns the mandatory law under the agreement in force at r.Now().
func LawInForce(ctx context.Context, r db.Reader) (Law, error) {
	j, err := Floor(ctx, r)
	return LawOf(j), err
}
