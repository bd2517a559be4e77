// Questions to the server's catalog about what a statement touches. Each is one statement that gives one JSON text, so that neither types nor transformations of the
// database's user come between; names of the catalog are qualified, so no search_path does either.
import type { WrittenRelation } from './tree-facts.ts'

/** Runs a statement without parameters, and gives the first value of its first row as text; null for none. */
export type Ask = (text: string) => Promise<string | null>

export interface RelationFacts {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** pg_class.relkind: r table, p partitioned, v view, m materialised view, f foreign, S sequence. */
  readonly kind: string
  /** Neither temporary nor unlogged. */
  readonly lasting: boolean
  /** Row level security is on. */
  readonly secured: boolean
  /** It's a partition or child of one that was asked for: its rows are read with it. */
  readonly below: boolean
  /** Of a view: its tree. */
  readonly definition: string | null
}

export interface FunctionFacts {
  /** With its schema. */
  readonly name: string
  readonly builtin: boolean
  /** i immutable, s stable, v volatile. */
  readonly volatility: string
  /** Of an extension whose functions are known to write no table. */
  readonly harmless: boolean
}

export interface TypeFacts {
  readonly oid: number
  readonly builtin: boolean
  /** pg_type.typtype: b base, e enum, d domain, ... */
  readonly kind: string
  /** Of an array: its elements' type; 0 otherwise. */
  readonly element: number
  /** Volatility of its input and output functions. */
  readonly input: string
  readonly output: string
}

export interface CalledFacts {
  readonly functions: readonly FunctionFacts[]
  readonly types: readonly TypeFacts[]
  /** A cast to json that is somebody's own function: what makes JSON of values calls it. */
  readonly jsonCasts: boolean
}

export interface WriteFacts {
  readonly tables: readonly { readonly schema: string; readonly name: string }[]
  /** Functions that are called by writing: of triggers and defaults. */
  readonly functions: readonly FunctionFacts[]
  /** A rule rewrites what's written. */
  readonly rules: boolean
}

/** Object identifiers from here on are of what was made after initdb. */
const FIRST_OWN_OID = 16_384
/** Their volatile functions make random numbers and hashes. */
const HARMLESS_EXTENSIONS = `'uuid-ossp', 'pgcrypto'`

/** These relations, all that they inherit from, and all that inherits from them. */
export async function relationFacts(ask: Ask, relations: Iterable<number>): Promise<readonly RelationFacts[]> {
  return json<RelationFacts[]>(
    ask,
    `with recursive above(oid) as (
       select unnest(${oids(relations)})
       union select i.inhparent from pg_catalog.pg_inherits i join above a on i.inhrelid = a.oid
     ), below(oid) as (
       select unnest(${oids(relations)})
       union select i.inhrelid from pg_catalog.pg_inherits i join below b on i.inhparent = b.oid
     ), wanted as (
       select oid, bool_and(below) as below from (select oid, false as below from above union all select oid, true from below) both_ways group by oid
     )
     select pg_catalog.json_agg(pg_catalog.json_build_object('oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
       'lasting', c.relpersistence = 'p', 'secured', c.relrowsecurity, 'below', w.below,
       'definition', case when c.relkind = 'v' then (select r.ev_action::text from pg_catalog.pg_rewrite r where r.ev_class = c.oid and r.ev_type = '1') end))::text
     from wanted w join pg_catalog.pg_class c on c.oid = w.oid join pg_catalog.pg_namespace n on n.oid = c.relnamespace`,
  )
}

export async function calledFacts(
  ask: Ask,
  called: { functions: Iterable<number>; operators: Iterable<number>; types: Iterable<number> },
): Promise<CalledFacts> {
  return json<CalledFacts>(
    ask,
    `with wanted as (
       select unnest(${oids(called.functions)}) as oid
       union select o.oprcode::oid from pg_catalog.pg_operator o where o.oid = any(${oids(called.operators)})
     ), types as (
       select unnest(${oids(called.types)}) as oid
       union select t.typelem from pg_catalog.pg_type t where t.oid = any(${oids(called.types)}) and t.typcategory = 'A'
     )
     select pg_catalog.json_build_object(
       'functions', coalesce((select pg_catalog.json_agg(${functionJson}) from wanted w join pg_catalog.pg_proc p on p.oid = w.oid
         join pg_catalog.pg_namespace n on n.oid = p.pronamespace), '[]'),
       'types', coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object('oid', t.oid::bigint, 'builtin', t.oid < ${FIRST_OWN_OID}, 'kind', t.typtype,
         'element', case when t.typcategory = 'A' then t.typelem::bigint else 0 end, 'input', i.provolatile, 'output', o.provolatile))
         from types w join pg_catalog.pg_type t on t.oid = w.oid join pg_catalog.pg_proc i on i.oid = t.typinput
         join pg_catalog.pg_proc o on o.oid = t.typoutput), '[]'),
       'jsonCasts', exists (select from pg_catalog.pg_cast c where c.castfunc >= ${FIRST_OWN_OID} and c.casttarget in ('json'::regtype, 'jsonb'::regtype)))::text`,
  )
}

/** What is written when this is: through views, inheritance and partitions, referential actions; and what's called by it. */
export async function writeFacts(ask: Ask, written: readonly WrittenRelation[], cascade = false): Promise<WriteFacts> {
  const values = written.map(({ relation, event }) => `(${relation}::oid, ${event})`).join(', ')
  return json<WriteFacts>(
    ask,
    `with recursive written(rel, event) as (
       select * from (values ${values}) given(rel, event)
       union
       select next.rel, next.event from written w cross join lateral (
         select i.inhparent, w.event from pg_catalog.pg_inherits i where i.inhrelid = w.rel
         union all
         select i.inhrelid, w.event from pg_catalog.pg_inherits i where i.inhparent = w.rel
         union all
         select d.refobjid, w.event from pg_catalog.pg_rewrite r join pg_catalog.pg_depend d
           on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_catalog.pg_class'::regclass
           where r.ev_class = w.rel and r.ev_type = '1' and d.refobjid <> w.rel
         union all
         -- A row that moves to another partition is deleted and inserted.
         select w.rel, e.event from pg_catalog.pg_class c, (values (4), (8)) e(event) where c.oid = w.rel and c.relkind = 'p' and w.event = 16
         union all
         select c.conrelid, case when c.confdeltype = 'c' then 8 else 16 end from pg_catalog.pg_constraint c
           where c.contype = 'f' and c.confrelid = w.rel and w.event = 8 and c.confdeltype in ('c', 'n', 'd')
         union all
         select c.conrelid, 16 from pg_catalog.pg_constraint c
           where c.contype = 'f' and c.confrelid = w.rel and w.event = 16 and c.confupdtype in ('c', 'n', 'd')
         union all
         select c.conrelid, 32 from pg_catalog.pg_constraint c where ${cascade} and c.contype = 'f' and c.confrelid = w.rel and w.event = 32
       ) next(rel, event)
     ), called(oid) as (
       select t.tgfoid from pg_catalog.pg_trigger t join written w on t.tgrelid = w.rel
         where not t.tgisinternal and t.tgenabled <> 'D' and (t.tgtype::int & w.event) <> 0
       union
       select d.refobjid from pg_catalog.pg_attrdef a join written w on a.adrelid = w.rel join pg_catalog.pg_depend d
         on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = a.oid and d.refclassid = 'pg_catalog.pg_proc'::regclass
         join pg_catalog.pg_proc p on p.oid = d.refobjid where p.provolatile = 'v'
     )
     select pg_catalog.json_build_object(
       'tables', coalesce((select pg_catalog.json_agg(distinct pg_catalog.jsonb_build_object('schema', n.nspname, 'name', c.relname))
         from written w join pg_catalog.pg_class c on c.oid = w.rel join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind <> 'v'), '[]'),
       'functions', coalesce((select pg_catalog.json_agg(${functionJson}) from called w join pg_catalog.pg_proc p on p.oid = w.oid
         join pg_catalog.pg_namespace n on n.oid = p.pronamespace), '[]'),
       'rules', exists (select from pg_catalog.pg_rewrite r join written w on r.ev_class = w.rel where r.ev_type <> '1'))::text`,
  )
}

/** The relations of these names; undefined when one of them isn't there. */
export async function relationsNamed(ask: Ask, names: readonly string[]): Promise<number[] | undefined> {
  const list = names.map(name => `pg_catalog.to_regclass(${quoteLiteral(name)})::oid::bigint`)
  const found = await json<(number | null)[]>(ask, `select pg_catalog.json_build_array(${list.join(', ')})::text`)
  return found.includes(null) || found.length < names.length ? undefined : (found as number[])
}

const functionJson = `pg_catalog.json_build_object('name', n.nspname || '.' || p.proname,
  'builtin', p.oid < ${FIRST_OWN_OID} and n.nspname = 'pg_catalog', 'volatility', p.provolatile,
  'harmless', exists (select from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.refclassid = 'pg_catalog.pg_extension'::regclass
    and d.deptype = 'e' and e.extname in (${HARMLESS_EXTENSIONS})))`

/** A text as it stands in a statement; backslashes mean themselves there (standard_conforming_strings). */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function oids(values: Iterable<number>): string {
  return `'{${[...values].map(Number).join()}}'::oid[]`
}

async function json<Value>(ask: Ask, text: string): Promise<Value> {
  return JSON.parse((await ask(text)) ?? '[]') as Value
}
