package ledger

// Account names a kind of account; with a party and a currency it is one account.
type Account string

// The chart of accounts. The party is what each comment names.
const (
	Clearing           Account = "psp.clearing"        // asset, per provider: captured there, not yet free
	Bank               Account = "bank.client"         // asset: client money that may be paid out, at the licensed provider's settlement account
	BankOwn            Account = "bank.own"            // asset: the operator's own money
	ChargebackInFlight Account = "chargeback.inflight" // asset, per dispute: taken by the payer's bank, not yet decided
	Receivable         Account = "vendor.receivable"   // asset, per vendor: the vendor owes us
	BuyerReceivable    Account = "buyer.receivable"    // asset, per invoice line: invoiced, not collected

	Escrow         Account = "escrow"          // liability, per order line: net of tax, held for the vendor
	Uncollected    Account = "uncollected"     // liability, per invoice line: the vendor's share of an unpaid invoice
	Payable        Account = "vendor.payable"  // liability, per vendor: may be paid out
	Hold           Account = "vendor.hold"     // liability, per vendor and case: frozen
	Deposit        Account = "vendor.deposit"  // liability, per vendor
	PayoutInFlight Account = "payout.inflight" // liability, per payout: sent, not confirmed
	InFlight       Account = "refund.inflight" // liability, per refund: owed until the provider confirms
	Compensation   Account = "comp.payable"    // liability, per account: damages decided, not yet paid
	Owed           Account = "buyer.owed"      // liability, per account: could not go back the way it came
	Tax            Account = "tax.payable"     // liability of either sign, per jurisdiction
	Suspense       Account = "suspense"        // liability of either sign, per provider: money not yet attributed

	Commission   Account = "commission" // income, recognised at release
	PlatformFees Account = "fees"       // income: what the operator charges vendors besides
	Forfeiture   Account = "forfeiture" // income: deposits kept by a final decision
	Owner        Account = "owner"      // equity: own money put into the client account
	Fee          Account = "psp.fee"    // expense, per provider
	DisputeFee   Account = "chargeback.fee"
	DisputeLoss  Account = "chargeback.loss"
	BankFee      Account = "bank.fee"
	BadDebt      Account = "bad.debt"
	Goodwill     Account = "goodwill"
	stripeMax            = 16
)

// floor says on which side an account must stay.
type floor int

const (
	free   floor = iota
	debit        // never below zero as an asset or expense
	credit       // never below zero as a debt or income
)

// account is a row of the chart.
type account struct {
	floor   floor
	striped bool // shared by many orders: 16 rows, its floor checked as a sum
	client  int  // +1 covers client money, -1 is owed to clients, 0 neither
}

var chart = map[Account]account{
	Clearing:           {free, true, +1},
	Bank:               {debit, false, +1},
	BankOwn:            {free, false, 0},
	ChargebackInFlight: {debit, false, +1},
	Receivable:         {debit, false, 0},
	BuyerReceivable:    {debit, false, 0},
	Escrow:             {credit, false, -1},
	Uncollected:        {credit, false, 0},
	Payable:            {credit, false, -1},
	Hold:               {credit, false, -1},
	Deposit:            {credit, false, -1},
	PayoutInFlight:     {credit, false, -1},
	InFlight:           {credit, false, -1},
	Compensation:       {credit, false, -1},
	Owed:               {credit, false, -1},
	Tax:                {free, true, -1}, // a refund after the tax was paid is the office's debt
	Suspense:           {free, false, -1},
	Commission:         {credit, true, 0},
	PlatformFees:       {credit, true, 0},
	Forfeiture:         {credit, false, 0},
	Owner:              {free, false, 0},
	Fee:                {debit, true, 0},
	DisputeFee:         {debit, false, 0},
	DisputeLoss:        {debit, false, 0},
	BankFee:            {debit, false, 0},
	BadDebt:            {debit, false, 0},
	Goodwill:           {debit, false, 0},
}

// Kind is a kind of posting; the numbers are those of the operator's guide.
type Kind string

// The kinds of posting.
const (
	P1Capture         Kind = "P1"  // an order was paid
	P2ProviderFee     Kind = "P2"  // the provider's fee is known
	P3ProviderPayout  Kind = "P3"  // the provider freed collected money
	P3ProviderDraw    Kind = "P3r" // the provider took freed money back, for a refund
	P5LateMoney       Kind = "P5"  // money for an order that is gone, or of a wrong amount
	P5LateRefund      Kind = "P5r" // that money goes back
	P6Release         Kind = "P6"  // escrow becomes the vendor's and the operator's
	P6Reserve         Kind = "P6r" // a rolling reserve is let go
	P7Refund          Kind = "P7"  // refund out of escrow
	P7Undone          Kind = "P7r" // a refund that a lost dispute overtook
	P8Refund          Kind = "P8"  // refund that also takes back what was released
	P9Refund          Kind = "P9"  // refund that the vendor could not cover
	P10RefundDone     Kind = "P10" // the provider confirmed a refund
	P11RefundOwed     Kind = "P11" // the provider could not refund
	P12Compensation   Kind = "P12" // damages decided against a vendor
	P13Compensated    Kind = "P13" // damages became payable to the buyer by transfer
	P14Goodwill       Kind = "P14" // the operator pays of its own
	P15DisputeOpen    Kind = "P15" // the payer's bank took the money
	P16Hold           Kind = "P16" // a vendor's money is frozen for a case
	P16Unhold         Kind = "P16r"
	P17DisputeWon     Kind = "P17"
	P18DisputeLost    Kind = "P18"
	P19DisputeFee     Kind = "P19" // the dispute's fee is charged on to the vendor
	P20Payout         Kind = "P20"
	P21PayoutPaid     Kind = "P21"
	P22PayoutFailed   Kind = "P22"
	P23PayoutReturned Kind = "P23"
	P24DepositIn      Kind = "P24"
	P25DepositOut     Kind = "P25"
	P25DepositBack    Kind = "P25r" // a deposit's return failed
	P26Forfeit        Kind = "P26"  // a deposit is kept by a final decision, buyers first
	P27Invoiced       Kind = "P27"  // usage invoiced in arrears
	P28Collected      Kind = "P28"  // such an invoice was paid
	P29CreditNote     Kind = "P29"  // such an invoice was written off
	P31Recovered      Kind = "P31"  // a vendor paid its debt
	P31WrittenOff     Kind = "P31w" // a vendor's debt is lost
	P32Sweep          Kind = "P32"  // the operator takes its own money out
	P32SweepBack      Kind = "P32r" // the operator's share came back, for a refund
	P33Cover          Kind = "P33"  // the operator covers a shortfall
	P34Reverse        Kind = "P34"  // exact mirror of a journal
	P35TaxPaid        Kind = "P35"  // collected tax went to the tax office
	P36OwedPaid       Kind = "P36"  // what a buyer was owed was transferred
	P37PlatformFee    Kind = "P37"  // the operator charges a vendor a fee of its own
)

// shape is what a kind may touch.
type shape struct{ debits, credits []Account }

// The vendor's side of a posting: what it pays from, and what a credit goes to.
var (
	vendorPays = []Account{Hold, Payable, Deposit, Receivable}
	vendorGets = []Account{Receivable, Payable}
)

func and(these []Account, more ...Account) []Account { return append(more, these...) }

var shapes = map[Kind]shape{
	P1Capture:         {[]Account{Clearing}, []Account{Escrow, Tax}},
	P2ProviderFee:     {[]Account{Fee}, []Account{Clearing}},
	P3ProviderPayout:  {[]Account{Bank}, []Account{Clearing}},
	P3ProviderDraw:    {[]Account{Clearing}, []Account{Bank}},
	P5LateMoney:       {[]Account{Clearing}, []Account{Suspense}},
	P5LateRefund:      {[]Account{Suspense}, []Account{Clearing}},
	P6Release:         {[]Account{Escrow}, and(vendorGets, Commission, Hold)},
	P6Reserve:         {[]Account{Hold}, vendorGets},
	P7Refund:          {[]Account{Tax, Escrow}, []Account{InFlight}},
	P7Undone:          {[]Account{InFlight}, and(vendorGets, Tax, Escrow, Commission)},
	P8Refund:          {[]Account{Tax, Escrow, Commission, Hold, Payable, Deposit}, []Account{InFlight}},
	P9Refund:          {and(vendorPays, Tax, Escrow, Commission), []Account{InFlight}},
	P10RefundDone:     {[]Account{InFlight}, []Account{Clearing}},
	P11RefundOwed:     {[]Account{InFlight}, []Account{Owed}},
	P12Compensation:   {vendorPays, []Account{Compensation}},
	P13Compensated:    {[]Account{Compensation}, []Account{Owed}},
	P14Goodwill:       {[]Account{Goodwill}, []Account{Owed}},
	P15DisputeOpen:    {[]Account{ChargebackInFlight, DisputeFee}, []Account{Clearing}},
	P16Hold:           {[]Account{Payable}, []Account{Hold}},
	P16Unhold:         {[]Account{Hold}, vendorGets},
	P17DisputeWon:     {[]Account{Clearing, Hold}, and(vendorGets, ChargebackInFlight)},
	P18DisputeLost:    {and(vendorPays, Tax, Escrow, Commission, DisputeLoss), []Account{ChargebackInFlight}},
	P19DisputeFee:     {vendorPays, []Account{DisputeFee}},
	P20Payout:         {[]Account{Payable}, []Account{PayoutInFlight}},
	P21PayoutPaid:     {[]Account{PayoutInFlight}, []Account{Bank}},
	P22PayoutFailed:   {[]Account{PayoutInFlight}, vendorGets},
	P23PayoutReturned: {[]Account{Bank, BankFee}, vendorGets},
	P24DepositIn:      {[]Account{Bank}, []Account{Deposit}},
	P25DepositOut:     {[]Account{Deposit}, []Account{PayoutInFlight}},
	P25DepositBack:    {[]Account{PayoutInFlight, Bank, BankFee}, []Account{Deposit}},
	P26Forfeit:        {[]Account{Deposit}, []Account{Compensation, Forfeiture}},
	P27Invoiced:       {[]Account{BuyerReceivable}, []Account{Uncollected, Tax}},
	P28Collected:      {[]Account{Clearing, Uncollected}, []Account{BuyerReceivable, Escrow}},
	P29CreditNote:     {[]Account{Uncollected, Tax}, []Account{BuyerReceivable}},
	P31Recovered:      {[]Account{Bank}, []Account{Receivable}},
	P31WrittenOff:     {[]Account{BadDebt}, []Account{Receivable}},
	P32Sweep:          {[]Account{BankOwn}, []Account{Bank}},
	P32SweepBack:      {[]Account{Bank}, []Account{BankOwn}},
	P33Cover:          {[]Account{Bank}, []Account{Owner}},
	P35TaxPaid:        {[]Account{Tax}, []Account{Bank}},
	P36OwedPaid:       {[]Account{Owed}, []Account{Bank}},
	P37PlatformFee:    {vendorPays, []Account{PlatformFees}},
}

// Kinds lists every kind of posting but the mirror, which has no shape of its own.
func Kinds() []Kind {
	all := make([]Kind, 0, len(shapes))
	for k := range shapes {
		all = append(all, k)
	}
	return all
}
