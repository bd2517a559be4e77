// The seam between the admin API and the balancer: what the API asks and changes. Whoever composes the balancer implements it over the
// pool; views are copies (admin-views.ts), so nothing of the pipeline can be changed through them.
import type {
  AllEndpointsChange,
  DecisionView,
  EndpointChange,
  EndpointView,
  HealthView,
  PoolView,
  ReloadView,
} from './admin-views.ts'

/** What needs no token. */
export interface StatusSource {
  health(): HealthView
  /** Prometheus' text format, version 0.0.4. */
  metrics(): Promise<string>
}

/** Endpoints, and what an operator may say of them. A change counts from the very next pick. */
export interface EndpointControl {
  pools(): readonly PoolView[]
  endpoints(): readonly EndpointView[]
  /** Null: no endpoint has this id. */
  endpoint(id: string): EndpointView | null
  /** How it is after the change; null: no endpoint has this id. */
  changeEndpoint(id: string, change: EndpointChange): EndpointView | null
  /** One change for all that are known now; how they are after it. */
  changeAll(change: AllEndpointsChange): readonly EndpointView[]
}

/** The last decisions. */
export interface DecisionSource {
  /** How many picks are kept; of what the limits by address refuse, at most as many. */
  readonly size: number
  /** The tries of a request, oldest first; empty when it isn't among them. */
  find(requestId: string): readonly DecisionView[]
  /** At most so many picks, newest first. */
  latest(limit: number): readonly DecisionView[]
}

export interface ConfigurationControl {
  /** All options that count now, without secrets. */
  configuration(): unknown
  /** Reads the configuration anew, as one atomic change: an invalid one changes nothing. */
  reload(): Promise<ReloadView>
}

export interface AdminControl {
  readonly status: StatusSource
  readonly endpoints: EndpointControl
  readonly decisions: DecisionSource
  readonly configuration: ConfigurationControl
}
