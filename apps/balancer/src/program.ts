// The balancer as a program: its name, its options and what contradicts what; also what the README's tables are made from.
import { balancerSchema, checkBalancerConfig } from './config/config.ts'

export const balancerProgram = {
  name: 'plimsoll-balancer',
  usage: 'plimsoll-balancer --listen 127.0.0.1:8080 --upstream http://127.0.0.1:3001 --upstream http://127.0.0.1:3002',
  schema: balancerSchema,
  check: checkBalancerConfig,
}
