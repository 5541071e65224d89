package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"yunshi/client"
	"yunshi/internal/app/rig"
)

// op is one way through the life of an order. A new one is a function and a line
// in ops; what it is told is checked by the words it writes into its diary.
type op struct {
	name   string
	weight int // of 100
	do     func(context.Context, *shopper) error
}

func ops() []op {
	return []op{
		{"buy", 72, buy},         // placed, paid, delivered
		{"leave", 6, leave},      // placed, never paid
		{"cancel", 8, cancelled}, // placed, cancelled
		{"race", 6, raced},       // paid and cancelled at once: delivered, or the money goes back
		{"decline", 8, returned}, // placed, paid, the vendor declines, the money goes back
	}
}

// Names of intents in the diaries.
const (
	place   = "order.place"
	pay     = "order.pay" // at the provider
	cancel  = "order.cancel"
	decline = "delivery.decline"
	arrived = "order.delivered"
)

// shopper is one client: a customer, and for services also the vendor's person.
type shopper struct {
	rig.Customer
	number  int
	nodes   []*client.Client // the same customer at each node
	vendor  []*client.Client
	service client.Purchase // what the vendor's people deliver
	payer   *http.Client
	chance  *rand.Rand
	diary   *diary
	history *history
	stats   *stats
	first   int // node that is asked first
}

// patience is how long a client tries to have one intent acknowledged, and how
// long it waits for one answer.
const (
	patience = 25 * time.Second
	oneTry   = 6 * time.Second
)

var errGone = errors.New("torture: given up without an answer")

// live does one thing after the other until ctx ends.
func (s *shopper) live(ctx context.Context, pause time.Duration) error {
	table := ops()
	for ctx.Err() == nil {
		dice := s.chance.IntN(100)
		i := slices.IndexFunc(table, func(o op) bool { dice -= o.weight; return dice < 0 })
		err := table[i].do(ctx, s)
		if err != nil && !errors.Is(err, errGone) && ctx.Err() == nil {
			return fmt.Errorf("client %d, %s: %w", s.number, table[i].name, err)
		}
		sleep(ctx, pause/2+time.Duration(s.chance.Int64N(int64(pause)+1)))
	}
	return nil
}

// intend sends an intent to one node after the other until it is answered, and
// notes before and after. Now and then it gives up after the first lost answer.
func (s *shopper) intend(ctx context.Context, on []*client.Client, name, key, object string, send func(context.Context, *client.Client) (string, error)) (string, error) {
	if err := s.diary.write(sent, name, key, object, ""); err != nil {
		return "", err
	}
	impatient := s.chance.IntN(20) == 0
	began := time.Now()
	for try := 0; ; try++ {
		if ctx.Err() != nil {
			return "", errGone
		}
		node := on[(s.first+try)%len(on)]
		asked := time.Now()
		one, stop := context.WithTimeout(context.WithoutCancel(ctx), oneTry) // an answer on its way is waited for
		got, err := send(one, node)
		stop()
		s.stats.answered(time.Since(asked), err)
		if name == place {
			s.history.add(s.number, key, got, "", asked, err)
		}
		if err == nil {
			return got, s.diary.write(taken, name, key, got, "")
		}
		if p, definite := errors.AsType[*client.Problem](err); definite && p.Status < 500 && p.Status != http.StatusTooManyRequests {
			return "", errors.Join(err, s.diary.write(refused, name, key, object, p.Code))
		}
		s.first++
		if impatient || time.Since(began) > patience {
			s.stats.add(metGone, time.Since(began))
			return "", errGone
		}
		sleep(ctx, time.Duration(50+s.chance.IntN(100))*time.Millisecond<<min(try, 3))
	}
}

// read asks one node after the other until one answers.
func read[T any](ctx context.Context, s *shopper, on []*client.Client, ask func(context.Context, *client.Client) (T, error)) (T, error) {
	for began := time.Now(); ; {
		one, stop := context.WithTimeout(ctx, oneTry)
		got, err := ask(one, on[s.first%len(on)])
		stop()
		if err == nil {
			return got, nil
		}
		s.first++
		if time.Since(began) > patience || ctx.Err() != nil {
			return got, errGone
		}
		sleep(ctx, 100*time.Millisecond)
	}
}

// placeOne places an order. Now and then a twin with the same key is under way at
// the other node, or the key is used again for something else.
func (s *shopper) placeOne(ctx context.Context, what client.Purchase) (string, error) {
	key := client.NewKey()
	var twin sync.WaitGroup
	if s.chance.IntN(12) == 0 {
		other, wait := s.nodes[(s.first+1)%len(s.nodes)], time.Duration(s.chance.IntN(20))*time.Millisecond
		twin.Go(func() {
			sleep(ctx, wait)
			one, stop := context.WithTimeout(context.WithoutCancel(ctx), oneTry)
			defer stop()
			asked := time.Now()
			o, _, err := other.PlaceOrder(one, key, what)
			s.history.add(s.number, key, o.ID, "", asked, err)
		})
	}
	id, err := s.intend(ctx, s.nodes, place, key, "", func(ctx context.Context, c *client.Client) (string, error) {
		o, _, err := c.PlaceOrder(ctx, key, what)
		return o.ID, err
	})
	twin.Wait()
	if err == nil && s.chance.IntN(25) == 0 {
		what.Quantity++
		one, stop := context.WithTimeout(ctx, oneTry)
		defer stop()
		asked := time.Now()
		_, _, other := s.nodes[s.first%len(s.nodes)].PlaceOrder(one, key, what)
		s.history.add(s.number, key, client.Code(other), "other", asked, other)
	}
	return id, err
}

// payURL waits until the provider's page is known.
func (s *shopper) payURL(ctx context.Context, order string) (string, error) {
	for began := time.Now(); time.Since(began) < patience && ctx.Err() == nil; sleep(ctx, 100*time.Millisecond) {
		o, err := read(ctx, s, s.nodes, func(ctx context.Context, c *client.Client) (client.Order, error) { return c.Order(ctx, order) })
		if err != nil {
			return "", err
		}
		if o.State != "awaiting_payment" {
			return "", fmt.Errorf("order %s is %s before it is paid", order, o.State)
		}
		if o.Attempt != nil && o.Attempt.PayURL != "" {
			return o.Attempt.PayURL, nil
		}
	}
	return "", errGone
}

// payAt pays on the provider's page. The provider answers once it is in its journal.
func (s *shopper) payAt(ctx context.Context, order, page string) error {
	if err := s.diary.write(sent, pay, order, order, ""); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, page, strings.NewReader(url.Values{"choice": {"pay"}}.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := s.payer.Do(req)
	if err != nil {
		return errGone
	}
	res.Body.Close()
	switch res.StatusCode {
	case http.StatusSeeOther:
		return s.diary.write(taken, pay, order, order, "")
	case http.StatusConflict: // closed by the market, which was told to cancel
		return errors.Join(errGone, s.diary.write(refused, pay, order, order, "closed"))
	}
	return fmt.Errorf("the provider's page answers %s", res.Status)
}

// placeAndPay brings an order to the point where the provider has the money.
func (s *shopper) placeAndPay(ctx context.Context, what client.Purchase) (string, error) {
	order, err := s.placeOne(ctx, what)
	if err != nil {
		return "", err
	}
	page, err := s.payURL(ctx, order)
	if err != nil {
		return "", err
	}
	return order, s.payAt(ctx, order, page)
}

// until waits for a state of the order, for a while: what has not come by then
// comes later, and the check at the end sees it.
func (s *shopper) until(ctx context.Context, order, state string) error {
	for began := time.Now(); time.Since(began) < patience/2 && ctx.Err() == nil; sleep(ctx, 150*time.Millisecond) {
		o, err := read(ctx, s, s.nodes, func(ctx context.Context, c *client.Client) (client.Order, error) { return c.Order(ctx, order) })
		if err != nil {
			return err
		}
		if o.State == state {
			return s.diary.write(seen, arrived, order, order, state)
		}
	}
	return errGone
}

func buy(ctx context.Context, s *shopper) error {
	began := time.Now()
	order, err := s.placeAndPay(ctx, s.Purchase)
	if err != nil {
		return err
	}
	if err := s.until(ctx, order, "delivered"); err != nil {
		return err
	}
	s.stats.add(metDelivered, time.Since(began))
	return nil
}

func leave(ctx context.Context, s *shopper) error {
	_, err := s.placeOne(ctx, s.Purchase)
	return err
}

// cancelOne cancels an order. There is no key to it: a second try finds it ended.
func (s *shopper) cancelOne(ctx context.Context, order string) error {
	_, err := s.intend(ctx, s.nodes, cancel, order, order, func(ctx context.Context, c *client.Client) (string, error) {
		o, err := c.CancelOrder(ctx, order)
		return o.ID, err
	})
	if client.Code(err) != "" {
		return errGone // paid, or cancelled by an earlier try
	}
	return err
}

func cancelled(ctx context.Context, s *shopper) error {
	order, err := s.placeOne(ctx, s.Purchase)
	if err != nil {
		return err
	}
	return s.cancelOne(ctx, order)
}

func raced(ctx context.Context, s *shopper) error {
	order, err := s.placeOne(ctx, s.Purchase)
	if err != nil {
		return err
	}
	page, err := s.payURL(ctx, order)
	if err != nil {
		return err
	}
	var paying sync.WaitGroup
	var paid error
	paying.Go(func() { paid = s.payAt(ctx, order, page) })
	err = s.cancelOne(ctx, order)
	paying.Wait()
	return errors.Join(err, paid)
}

func returned(ctx context.Context, s *shopper) error {
	order, err := s.placeAndPay(ctx, s.service)
	if err != nil {
		return err
	}
	if err := s.until(ctx, order, "provisioning"); err != nil {
		return err
	}
	all, err := read(ctx, s, s.nodes, func(ctx context.Context, c *client.Client) (client.Page[client.Delivery], error) {
		return c.OrderDeliveries(ctx, order)
	})
	if err != nil || len(all.Items) == 0 {
		return errGone
	}
	_, err = s.intend(ctx, s.vendor, decline, order, order, func(ctx context.Context, c *client.Client) (string, error) {
		_, err := c.DeclineDelivery(ctx, all.Items[0].ID)
		return order, err
	})
	if client.Code(err) != "" {
		return errGone // not yet handed to people, or declined by an earlier try
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// stats counts what clients meet in a round.
type stats struct {
	total atomic.Int64 // answers of the whole run

	mu   sync.Mutex
	met  []met
	mark int // of met: what part has not yet told
}

// met is something a client met: an answer, or that there was none.
type met struct {
	kind string
	took time.Duration
}

// The kinds beside those of lost tries, which are "500", "timeout", ….
const (
	metYes       = "yes"
	metNo        = "no"
	metGone      = "gone"      // an intent was given up
	metDelivered = "delivered" // from placing to delivered
)

func (s *stats) add(kind string, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.met = append(s.met, met{kind, took})
}

func (s *stats) answered(took time.Duration, err error) {
	s.total.Add(1)
	p, definite := errors.AsType[*client.Problem](err)
	switch {
	case err == nil:
		s.add(metYes, took)
	case definite && p.Status < 500:
		s.add(metNo, took)
	case definite:
		s.add(fmt.Sprint(p.Status), took)
	case errors.Is(err, context.DeadlineExceeded):
		s.add("timeout", took)
	default:
		s.add("connection", took)
	}
}

// tally is what the load met.
type tally struct {
	Yes       int            `json:"acknowledged"`
	No        int            `json:"refused"`
	Lost      map[string]int `json:"tries_without_answer"`
	Abandoned int            `json:"abandoned"`
	AnswerP50 float64        `json:"answer_p50_ms"`
	AnswerP99 float64        `json:"answer_p99_ms"`
	Delivered int            `json:"delivered_while_watched"`
	WholeP50  float64        `json:"place_to_delivered_p50_ms"`
}

func tallyOf(all []met) tally {
	t := tally{Lost: map[string]int{}}
	var took, journeys []time.Duration
	for _, m := range all {
		switch m.kind {
		case metYes:
			took = append(took, m.took)
		case metNo:
			t.No++
		case metGone:
			t.Abandoned++
		case metDelivered:
			journeys = append(journeys, m.took)
		default:
			t.Lost[m.kind]++
		}
	}
	t.Yes, t.Delivered = len(took), len(journeys)
	t.AnswerP50, t.AnswerP99, t.WholeP50 = finite(rig.Percentile(took, 50)), finite(rig.Percentile(took, 99)), finite(rig.Percentile(journeys, 50))
	return t
}

// part is what was met since the last part, or since the round began.
func (s *stats) part() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := tallyOf(s.met[s.mark:])
	s.mark = len(s.met)
	return t
}

// take is what was met since the round began, and begins the next.
func (s *stats) take() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := tallyOf(s.met)
	s.met, s.mark = nil, 0
	return t
}
