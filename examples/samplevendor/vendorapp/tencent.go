package vendorapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"yunshi/spi"
)

// tencentDelivery answers a call in the Tencent dialect. That dialect has one
// final "no", success "false"; everything unexpected is a 500 and is repeated.
func (a *App) tencentDelivery(w http.ResponseWriter, r *http.Request) {
	action, body, err := a.tencent.Read(r)
	if err != nil {
		a.refuse(w, err)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mustFail() {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	answer, err := a.actTencent(action, body)
	if _, refused := errors.AsType[spi.Refusal](err); refused {
		answer, err = spi.TencentAnswer{Success: "false"}, nil
	}
	if errors.Is(err, spi.ErrMalformed) {
		a.refuse(w, err)
		return
	}
	if err != nil {
		a.cfg.Log.Error("vendorapp: delivery", "action", action, "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (a *App) actTencent(action string, body []byte) (any, error) {
	switch action {
	case spi.TencentActionVerify:
		call, err := decode[spi.TencentVerify](body)
		return spi.TencentVerifyAnswer{Echoback: call.Echoback}, err
	case spi.TencentActionCreate:
		call, err := decode[spi.TencentCreate](body)
		if err != nil {
			return nil, err
		}
		return a.createTencent(call)
	case spi.TencentActionRenew:
		call, err := decode[spi.TencentRenew](body)
		if err != nil {
			return nil, err
		}
		until, err := spi.ParseTencentTime(call.InstanceExpireTime)
		if err != nil {
			return nil, err
		}
		return a.done(a.change(call.SignID, func(n *Instance) { n.State, n.ExpiresAt = stateActive, until }))
	case spi.TencentActionModify:
		call, err := decode[spi.TencentModify](body)
		if err != nil {
			return nil, err
		}
		return a.modifyTencent(call)
	case spi.TencentActionExpire:
		call, err := decode[spi.TencentEnd](body)
		if err != nil {
			return nil, err
		}
		return a.done(a.change(call.SignID, func(n *Instance) { n.State = stateExpired }))
	default: // the receiver lets no other action through
		call, err := decode[spi.TencentEnd](body)
		if err != nil {
			return nil, err
		}
		return a.done(a.destroy(call.SignID))
	}
}

func (a *App) createTencent(call spi.TencentCreate) (any, error) {
	if call.OrderID == "" {
		return nil, fmt.Errorf("%w: no orderId", spi.ErrMalformed)
	}
	until, err := termEnd(a.cfg.Now(), call.ProductInfo)
	if err != nil {
		return nil, err
	}
	n, err := a.create(Instance{Dialect: "tencent", Order: call.OrderID, Customer: call.OpenID, Product: call.ProductInfo.ProductName,
		Plan: call.ProductInfo.Spec, Quantity: max(call.ProductInfo.CycleNum, 1), ExpiresAt: until})
	if err != nil {
		return nil, err
	}
	if a.notReady(n) {
		return spi.TencentCreateAnswer{SignID: spi.TencentPending}, nil
	}
	return spi.TencentCreateAnswer{
		SignID:         n.ID,
		AppInfo:        spi.TencentAppInfo{Website: a.website(n)},
		AdditionalInfo: []spi.TencentInfo{{Name: "access_key", Value: n.Key}},
	}, nil
}

// modifyTencent changes the specification and, when a trial becomes formal, the end.
func (a *App) modifyTencent(call spi.TencentModify) (any, error) {
	until := time.Time{}
	if call.InstanceExpireTime != "" {
		var err error
		if until, err = spi.ParseTencentTime(call.InstanceExpireTime); err != nil {
			return nil, err
		}
	}
	return a.done(a.change(call.SignID, func(n *Instance) {
		n.Plan = call.Spec
		if !until.IsZero() {
			n.ExpiresAt = until
		}
	}))
}

func (a *App) done(_ Instance, err error) (any, error) {
	return spi.TencentAnswer{Success: "true"}, err
}

func decode[T any](body []byte) (T, error) {
	var call T
	if err := json.Unmarshal(body, &call); err != nil {
		return call, fmt.Errorf("%w: %w", spi.ErrMalformed, err)
	}
	return call, nil
}

// termEnd is when a term bought now ends; zero for products counted in times.
func termEnd(now time.Time, info spi.TencentProductInfo) (time.Time, error) {
	span := int(info.TimeSpan)
	switch info.TimeUnit {
	case "y":
		return now.AddDate(span, 0, 0), nil
	case "m":
		return now.AddDate(0, span, 0), nil
	case "d":
		return now.AddDate(0, 0, span), nil
	case "h":
		return now.Add(time.Duration(span) * time.Hour), nil
	case "t":
		return time.Time{}, nil
	}
	return time.Time{}, fmt.Errorf("%w: timeUnit %q", spi.ErrMalformed, info.TimeUnit)
}
