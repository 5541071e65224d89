package shop

import (
	"fmt"
	"strings"
	"testing"

	"rsc.io/qr"

	"yunshi/internal/base/text"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
)

// A payment by a code is drawn, not written: a person scans it, and the page
// follows soon.
func TestACodeToScanIsDrawn(t *testing.T) {
	const content = "weixin://wxpay/bizpayurl?pr=abc"
	v := orderView{
		Order:   order.Order{State: order.AwaitingPayment},
		Attempt: payment.Attempt{State: payment.RequiresAction, Instructions: map[string]string{"scan": content}},
	}
	var page strings.Builder
	if err := payPanel(v).Render(text.With(t.Context(), text.ZH), &page); err != nil {
		t.Fatal(err)
	}
	drawn, side := modules(content)
	for _, want := range []string{text.In(text.ZH, "shop.pay.scan"), `role="img"`, drawn, fmt.Sprintf("0 0 %d %d", side, side)} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if strings.Contains(page.String(), content) {
		t.Error("the code is written out")
	}
	if v.poll() != soon {
		t.Errorf("asks again after %d s", v.poll())
	}
	transfer := v
	transfer.Attempt.Instructions = map[string]string{"bank": "Bank"}
	if transfer.poll() != later {
		t.Errorf("a transfer asks again after %d s", transfer.poll())
	}

	code, err := qr.Encode(content, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	black := 0
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				black++
			}
			if strings.Contains(drawn, fmt.Sprintf("M%d %dh1v1h-1z", x+quiet, y+quiet)) != code.Black(x, y) {
				t.Fatalf("module %d,%d", x, y)
			}
		}
	}
	if side != code.Size+2*quiet || strings.Count(drawn, "M") != black {
		t.Errorf("side %d, %d squares of %d", side, strings.Count(drawn, "M"), black)
	}
	if drawn, side := modules(strings.Repeat("x", 8000)); drawn != "" || side != 0 {
		t.Error("a text that does not fit was drawn")
	}
}
