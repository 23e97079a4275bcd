package postgrestest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy is a way to a server that can be cut and blocked.
type Proxy struct {
	listener net.Listener
	to       string
	copies   sync.WaitGroup

	mu      sync.Mutex // guards the following
	links   map[net.Conn]net.Conn
	blocked chan struct{} // closed when bytes may pass; nil while they do
	budget  int64         // bytes of clients that pass before all is cut; negative: no bound
	refuse  bool
}

// NewProxy starts a proxy to an address, which ends with the test.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, to: to, links: make(map[net.Conn]net.Conn), budget: -1}
	p.copies.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Cut ends all connections, and refuses new ones until Mend.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = true
	p.cutLinks()
}

// CutAfter ends all connections once their clients have sent so many more bytes.
func (p *Proxy) CutAfter(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget = bytes
}

// Block lets connections be and bytes wait, until Mend.
func (p *Proxy) Block() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blocked == nil {
		p.blocked = make(chan struct{})
	}
}

// Mend lets everything pass again.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse, p.budget = false, -1
	if p.blocked != nil {
		close(p.blocked)
		p.blocked = nil
	}
}

func (p *Proxy) cutLinks() {
	for a, b := range p.links {
		_, _ = a.Close(), b.Close()
	}
	clear(p.links)
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.Mend()
	p.Cut()
	p.copies.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		p.mu.Lock()
		if err != nil || p.refuse {
			_ = client.Close()
			if err == nil {
				_ = server.Close()
			}
			p.mu.Unlock()
			continue
		}
		p.links[client] = server
		p.mu.Unlock()
		p.copies.Go(func() { p.copy(server, client, true) })
		p.copies.Go(func() { p.copy(client, server, false) })
	}
}

func (p *Proxy) copy(to, from net.Conn, client bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && p.pass(int64(n), client) == nil {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

// pass waits until n bytes may go on.
func (p *Proxy) pass(n int64, client bool) error {
	p.mu.Lock()
	for p.blocked != nil {
		wait := p.blocked
		p.mu.Unlock()
		<-wait
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	if !client || p.budget < 0 {
		return nil
	}
	if p.budget -= n; p.budget < 0 {
		p.budget = -1
		p.cutLinks()
		return io.ErrClosedPipe
	}
	return nil
}
