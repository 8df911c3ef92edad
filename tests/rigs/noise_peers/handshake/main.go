// SPDX-FileCopyrightText: the trustmesh.security contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Carries out one handshake of Noise_IK_25519_ChaChaPoly_BLAKE2s per line: a caller that knows whom it calls, and an
// answerer that lets in whom it knows. Answers "ok <text that arrived>", or "!" and why not.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/flynn/noise"
	"golang.org/x/crypto/curve25519"
)

type request struct {
	Caller   string   // secret key of who calls, in hex
	Called   string   // public key that the caller has of who answers
	Answerer string   // secret key of who answers
	Allowed  []string // public keys that are let in
}

var suite = noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashBLAKE2s)

func pair(secret string) (noise.DHKey, error) {
	private, err := hex.DecodeString(secret)
	if err != nil {
		return noise.DHKey{}, err
	}
	public, err := curve25519.X25519(private, curve25519.Basepoint)
	return noise.DHKey{Private: private, Public: public}, err
}

func side(key noise.DHKey, peer []byte) (*noise.HandshakeState, error) {
	return noise.NewHandshakeState(noise.Config{
		CipherSuite: suite, Random: rand.Reader, Pattern: noise.HandshakeIK, Initiator: peer != nil, StaticKeypair: key, PeerStatic: peer,
	})
}

func connect(asked request) (string, error) {
	caller, err := pair(asked.Caller)
	if err != nil {
		return "", err
	}
	answerer, err := pair(asked.Answerer)
	if err != nil {
		return "", err
	}
	called, err := hex.DecodeString(asked.Called)
	if err != nil {
		return "", err
	}
	calling, err := side(caller, called)
	if err != nil {
		return "", err
	}
	answering, err := side(answerer, nil)
	if err != nil {
		return "", err
	}
	first, _, _, err := calling.WriteMessage(nil, nil)
	if err != nil {
		return "", err
	}
	if _, _, _, err = answering.ReadMessage(nil, first); err != nil {
		return "", fmt.Errorf("the answerer is not who was called: %w", err)
	}
	known := false
	for _, public := range asked.Allowed {
		known = known || public == hex.EncodeToString(answering.PeerStatic())
	}
	if !known {
		return "", errors.New("the caller is not let in")
	}
	second, arriving, _, err := answering.WriteMessage(nil, nil)
	if err != nil {
		return "", err
	}
	_, leaving, _, err := calling.ReadMessage(nil, second)
	if err != nil {
		return "", err
	}
	sealed, err := leaving.Encrypt(nil, nil, []byte("hello"))
	if err != nil {
		return "", err
	}
	arrived, err := arriving.Decrypt(nil, nil, sealed)
	return string(arrived), err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var asked request
		err := json.Unmarshal(lines.Bytes(), &asked)
		text := ""
		if err == nil {
			text, err = connect(asked)
		}
		if err != nil {
			fmt.Println("!" + err.Error())
		} else {
			fmt.Println("ok " + text)
		}
	}
}
