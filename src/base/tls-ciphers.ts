/**
 * Ciphers of our ports: TLS 1.3's, and below it forward secrecy and authenticated encryption only. What the CIS
 * benchmark calls strong at a node (4.2.12) holds them all. Without the first three names Node.js would not speak TLS 1.3.
 */
export const strongCiphers: string = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');
