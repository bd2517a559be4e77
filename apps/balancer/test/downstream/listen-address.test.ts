import t from 'tap'
import { parseListenAddress } from '../../src/downstream/listen-address.ts'

t.same(parseListenAddress('127.0.0.1:8080', '::'), { host: '127.0.0.1', port: 8080 })
t.same(parseListenAddress('[::1]:0', '::'), { host: '::1', port: 0 })
t.same(parseListenAddress('8080', '::'), { host: '::', port: 8080 })
t.same(parseListenAddress(':8080', '127.0.0.1'), { host: '127.0.0.1', port: 8080 })
for (const text of ['', 'x', '127.0.0.1', '127.0.0.1:', '::1:80', '1.2.3.4:99999'])
  t.throws(() => parseListenAddress(text, '::'), Error, text)
