package idreview

import (
	"testing"

	"yunshi/internal/market/identity"
)

func TestEveryCaseGoesToAHuman(t *testing.T) {
	for _, kind := range []string{identity.ResidentID, identity.USCC, ""} {
		out, err := Checker{}.Check(t.Context(), identity.Request{Case: "idc_1", IDKind: kind})
		if err != nil || out.Result != identity.ResultHuman {
			t.Errorf("%q: %v, %v", kind, out.Result, err)
		}
		if len(out.Response) != 0 {
			t.Errorf("%q: kept a response although nobody was asked", kind)
		}
	}
}
