/** The API's calls, by their paths. Made by `deno task client`; change the schemas, not this file. */

import type { Answer, CallOptions } from "./client_answer.ts";
import type * as m from "./client_models.ts";

/** Each call by the segments of its path and its method. */
export type AdminClient = {
  api: {
    v1: {
      queue: {
        /** List messages, oldest first. */
        $get(
          args?: {
            query?: {
              state?: "queued" | "deferred" | "held" | "delivered" | "failed";
              domain?: string;
              sender?: string;
              recipient?: string;
              error?: string;
              subject?: string;
              olderThan?: string;
              id?: string;
              limit?: number | string;
              cursor?: string;
            };
          },
          options?: CallOptions,
        ): Promise<
          Answer<{
            items: m.QueueItem[];

            /** For the next page; null at the end */
            cursor: string | null;
          }>
        >;
        summary: {
          /** The queue in numbers. */
          $get(args?: Record<never, never>, options?: CallOptions): Promise<Answer<m.QueueSummary>>;
        };
        ":id": {
          /** One message with all attempts. */
          $get(
            args: { param: { id: string } },
            options?: CallOptions,
          ): Promise<Answer<m.QueueItemWithAttempts>>;

          /** Drop a message; nothing is sent to anybody. */
          $delete(args: { param: { id: string } }, options?: CallOptions): Promise<Response>;
          message: {
            /** The message content as queued. */
            $get(args: { param: { id: string } }, options?: CallOptions): Promise<Response>;
          };
          retry: {
            /** Try a message now. */
            $post(args: { param: { id: string } }, options?: CallOptions): Promise<Answer<m.QueueItem>>;
          };
          hold: {
            /** Keep a message until it is released. */
            $post(args: { param: { id: string } }, options?: CallOptions): Promise<Answer<m.QueueItem>>;
          };
          release: {
            /** Let a held message go on: due now. */
            $post(args: { param: { id: string } }, options?: CallOptions): Promise<Answer<m.QueueItem>>;
          };
          bounce: {
            /** Return a message to its sender now. */
            $post(args: { param: { id: string } }, options?: CallOptions): Promise<Answer<m.QueueItem>>;
          };
        };
        flush: {
          /** Try all waiting messages (of a domain) now. */
          $post(args?: { json?: { domain?: string } }, options?: CallOptions): Promise<Answer<m.Flushed>>;
        };
        actions: {
          /** Do something to many messages: those of these ids, those that fit a filter, or all. */
          $post(
            args?: {
              json: {
                action: "retry" | "hold" | "release" | "bounce" | "delete";
                ids?: string[];
                filter?: m.QueueFilter;
                all?: true;

                /** Only count; nothing changes */
                dryRun?: boolean;
              };
            },
            options?: CallOptions,
          ): Promise<Answer<m.BulkAction>>;
        };
        export: {
          /** All that waits, or what fits a filter, for another server to take over; it is held here. */
          $post(
            args?: { json?: { ids?: string[]; filter?: m.QueueFilter } },
            options?: CallOptions,
          ): Promise<Response>;
        };
        import: {
          /** Take over what another server exported: as it was, and each message once. */
          $post(args?: Record<never, never>, options?: CallOptions): Promise<Answer<m.ImportedQueue>>;
        };
      };
      jobs: {
        ":id": {
          /** What is done to many messages: how far it is, and what came of it. */
          $get(args: { param: { id: string } }, options?: CallOptions): Promise<Answer<m.Job>>;
        };
      };
      messages: {
        /** Send a message. */
        $post(
          args?: { query?: { from?: string; to?: string[] }; json?: m.NewMessage },
          options?: CallOptions,
        ): Promise<Answer<m.Submitted>>;
        ":id": {
          /** The delivery history of a message, also after it left the queue. */
          $get(args: { param: { id: string } }, options?: CallOptions): Promise<Answer<m.MessageLife>>;
          dialogue: {
            /** The session that brought a captured message, to be replayed. */
            $get(args: { param: { id: string } }, options?: CallOptions): Promise<Response>;
          };
        };
      };
      accounts: {
        /** List accounts, by address. */
        $get(
          args?: { query?: { limit?: number | string; cursor?: string } },
          options?: CallOptions,
        ): Promise<
          Answer<{
            items: m.Account[];

            /** For the next page; null at the end */
            cursor: string | null;
          }>
        >;

        /** Make an account. */
        $post(args?: {
          json: {
            address: string;

            /** At most 1024 octets of UTF-8 */
            password?: string;
            name?: string | null;

            /** Bytes, or a size such as "1GiB" */
            quota?: number | string | null;
            subFolders?: boolean;

            /** As GET answers it; not looked at */
            used?: number;

            /** As GET answers it; not looked at */
            messages?: number;
          };
        }, options?: CallOptions): Promise<Answer<m.Account>>;
        ":address": {
          /** One account. */
          $get(args: { param: { address: string } }, options?: CallOptions): Promise<Answer<m.Account>>;

          /** Change what is given; null takes name or quota away. */
          $patch(args: {
            param: { address: string };
            json: {
              /** The path's, as GET answers it */
              address?: string;

              /** At most 1024 octets of UTF-8 */
              password?: string;
              name?: string | null;

              /** Bytes, or a size such as "1GiB" */
              quota?: number | string | null;
              subFolders?: boolean;

              /** As GET answers it; not looked at */
              used?: number;

              /** As GET answers it; not looked at */
              messages?: number;
            };
          }, options?: CallOptions): Promise<Answer<m.Account>>;

          /** Remove an account with its mail. */
          $delete(args: { param: { address: string } }, options?: CallOptions): Promise<Response>;
          "app-passwords": {
            /** The app passwords of an account, by name. */
            $get(
              args: { param: { address: string } },
              options?: CallOptions,
            ): Promise<
              Answer<{
                items: m.AppPassword[];

                /** For the next page; null at the end */
                cursor: string | null;
              }>
            >;

            /** Make an app password. */
            $post(
              args: { param: { address: string }; json: { name: string } },
              options?: CallOptions,
            ): Promise<Answer<m.NewAppPassword>>;
            ":name": {
              /** One app password. */
              $get(
                args: { param: { address: string; name: string } },
                options?: CallOptions,
              ): Promise<Answer<m.AppPassword>>;

              /** Take an app password away: it opens nothing any more. */
              $delete(
                args: { param: { address: string; name: string } },
                options?: CallOptions,
              ): Promise<Response>;
            };
          };
        };
      };
      audit: {
        /** Changes by API, page and command line, newest first; they are kept for 90 days. */
        $get(
          args?: { query?: { limit?: number | string; cursor?: string } },
          options?: CallOptions,
        ): Promise<
          Answer<{
            items: m.AuditEntry[];

            /** For the next page; null at the end */
            cursor: string | null;
          }>
        >;
      };
      aliases: {
        /** List aliases, by address. */
        $get(
          args?: { query?: { limit?: number | string; cursor?: string } },
          options?: CallOptions,
        ): Promise<
          Answer<{
            items: m.Alias[];

            /** For the next page; null at the end */
            cursor: string | null;
          }>
        >;
        ":address": {
          /** One alias. */
          $get(args: { param: { address: string } }, options?: CallOptions): Promise<Answer<m.Alias>>;

          /** Make or replace an alias. */
          $put(args: {
            param: { address: string };
            json: {
              /** The path's, as GET answers it */
              address?: string;
              targets: string[];
              owner?: string | null;
            };
          }, options?: CallOptions): Promise<Answer<m.Alias>>;

          /** Add targets and remove others; a missing alias is made, one without a target left ends. */
          $patch(args: {
            param: { address: string };
            json: {
              /** The path's, as GET answers it */
              address?: string;
              add?: string[];
              remove?: string[];
              owner?: string | null;
            };
          }, options?: CallOptions): Promise<Answer<m.Alias>>;

          /** Remove an alias. */
          $delete(args: { param: { address: string } }, options?: CallOptions): Promise<Response>;
        };
      };
      mailboxes: {
        ":address": {
          messages: {
            /** List a mailbox, newest first. */
            $get(
              args: {
                param: { address: string };
                query?: { limit?: number | string; cursor?: string; folder?: string; q?: string };
              },
              options?: CallOptions,
            ): Promise<
              Answer<{
                items: m.MailItem[];

                /** For the next page; null at the end */
                cursor: string | null;

                /** Where `q` was given */
                looked?: {
                  /** So many were looked at for this page */
                  messages: number;

                  /** So many are in the mailbox */
                  of: number;
                };
              }>
            >;

            /** Put a message into a folder, such as a draft; nothing is sent. */
            $post(
              args: {
                param: { address: string };
                query?: { folder?: string; flags?: string[] };
                json?: m.NewDraft;
              },
              options?: CallOptions,
            ): Promise<Answer<m.MailItem>>;
            ":uid": {
              /** One message: parsed, or with Accept: message/rfc822 its bytes. */
              $get(
                args: { param: { address: string; uid: string } },
                options?: CallOptions,
              ): Promise<Answer<m.Mail>>;

              /** Change a message's flags, and move it into another folder. */
              $patch(args: {
                param: { address: string; uid: string };
                json: {
                  /** All that it shall have: \Seen, \Answered, \Flagged, \Deleted, \Draft, and keywords */
                  flags?: string[];

                  /** It gets them, beside those it has */
                  addFlags?: string[];

                  /** It loses them */
                  removeFlags?: string[];

                  /** The name of the folder that it is moved into */
                  folder?: string;
                };
              }, options?: CallOptions): Promise<Answer<m.MailItem>>;

              /** Delete a message for good. */
              $delete(
                args: { param: { address: string; uid: string } },
                options?: CallOptions,
              ): Promise<Response>;
              attachments: {
                ":n": {
                  /** The bytes of an attachment, counted from 0. */
                  $get(
                    args: { param: { address: string; uid: string; n: string } },
                    options?: CallOptions,
                  ): Promise<Response>;
                };
              };
              release: {
                /** Send a captured message on for real, octet for octet. */
                $post(
                  args: { param: { address: string; uid: string }; json: { to: string[] } },
                  options?: CallOptions,
                ): Promise<Answer<{ id: string }>>;
              };
            };
          };
          folders: {
            /** The folders of a mailbox, INBOX first. */
            $get(
              args: { param: { address: string } },
              options?: CallOptions,
            ): Promise<
              Answer<{
                items: m.Folder[];

                /** For the next page; null at the end */
                cursor: string | null;
              }>
            >;

            /** Make a folder, and those that it is in. */
            $post(args: {
              param: { address: string };
              json: {
                /** `/` parts levels; INBOX in any case */
                name: string;
              };
            }, options?: CallOptions): Promise<Answer<m.Folder>>;
            ":folder": {
              /** One folder. */
              $get(
                args: { param: { address: string; folder: string } },
                options?: CallOptions,
              ): Promise<Answer<m.Folder>>;

              /** Rename a folder with those in it, or have mail programs show it or not. */
              $patch(args: {
                param: { address: string; folder: string };
                json: {
                  /** `/` parts levels; INBOX in any case */
                  name?: string;
                  subscribed?: boolean;
                };
              }, options?: CallOptions): Promise<Answer<m.Folder>>;

              /** Delete a folder with its messages; those that are in it stay. */
              $delete(
                args: { param: { address: string; folder: string } },
                options?: CallOptions,
              ): Promise<Response>;
            };
          };
          export: {
            /** All of a mailbox, or of one folder, as one mbox file. */
            $get(
              args: { param: { address: string }; query?: { format?: "mbox"; folder?: string } },
              options?: CallOptions,
            ): Promise<Response>;
          };
          import: {
            /** Put all messages of a mbox file into an account's mailbox. */
            $post(
              args: { param: { address: string }; query?: { format?: "mbox"; folder?: string } },
              options?: CallOptions,
            ): Promise<Answer<m.Imported>>;
          };
        };
      };
      wait: {
        /** Wait for a message. */
        $get(
          args?: {
            query?: {
              mailbox?: string;
              to?: string;
              from?: string;
              subject?: string;
              since?: string;
              folder?: string;
              timeout?: string;
              count?: number | string;
              for?: string;
            };
          },
          options?: CallOptions,
        ): Promise<Answer<m.WaitAnswer> | Response>;
      };
      events: {
        /** Listen to what happens (server-sent events). */
        $get(args?: { query?: { types?: string } }, options?: CallOptions): Promise<Response>;
      };
      domains: {
        /** The domains that messages wait for, and those that are suspended. */
        $get(args?: Record<never, never>, options?: CallOptions): Promise<Answer<m.Destinations>>;
        ":domain": {
          route: {
            /** The route that a domain's mail would take now, and why. */
            $get(args: { param: { domain: string } }, options?: CallOptions): Promise<Answer<m.Route>>;
          };
          records: {
            /** What the DNS says of one of our domains and of our host, beside what it should; it is asked anew. */
            $get(
              args: { param: { domain: string } },
              options?: CallOptions,
            ): Promise<Answer<{ items: m.RecordFinding[]; cursor: null }>>;
          };
        };
      };
      faults: {
        /** The rules of faults in their order, and how often each acted. */
        $get(args?: Record<never, never>, options?: CallOptions): Promise<Answer<m.FaultRules>>;

        /** Put rules of faults in the place of those before. */
        $put(
          args: { json: m.FaultRule[] | m.FaultRules },
          options?: CallOptions,
        ): Promise<Answer<m.FaultRules>>;

        /** Take all rules of faults away. */
        $delete(args?: Record<never, never>, options?: CallOptions): Promise<Response>;
      };
      clock: {
        /** Let time pass. */
        $post(
          args: { json: { advance: string | number } },
          options?: CallOptions,
        ): Promise<Answer<{ now: string }>>;
      };
      inboxes: {
        /** A fresh address that nobody else has: a test's own inbox. */
        $post(
          args?: { json?: { domain?: string } },
          options?: CallOptions,
        ): Promise<Answer<{ address: string }>>;
      };
      reset: {
        /** Empty all mailboxes, the queue and the rules of faults. */
        $post(args?: Record<never, never>, options?: CallOptions): Promise<Response>;
      };
      backup: {
        /** A consistent copy of all that the server keeps, to be put back by `dinopost restore`. */
        $post(args?: Record<never, never>, options?: CallOptions): Promise<Response>;
      };
      session: {
        /** Log in: the token becomes a cookie. */
        $post(args: { json: { token: string } }, options?: CallOptions): Promise<Response>;

        /** Log out. */
        $delete(args?: Record<never, never>, options?: CallOptions): Promise<Response>;
      };
      suspensions: {
        /** The domains that nothing is delivered to for now. */
        $get(
          args?: Record<never, never>,
          options?: CallOptions,
        ): Promise<Answer<{ items: m.Suspension[]; cursor: null }>>;
        ":domain": {
          /** Deliver nothing to a domain for now; its messages wait. */
          $put(args: {
            param: { domain: string };
            json?: {
              /** The path's, as GET answers it */
              domain?: string;

              /** As GET answers it; not looked at */
              since?: string;

              /** Ends by itself then */
              until?: string | null;
              reason?: string | null;
            };
          }, options?: CallOptions): Promise<Answer<m.Suspension>>;

          /** Deliver again. */
          $delete(args: { param: { domain: string } }, options?: CallOptions): Promise<Response>;
        };
      };
      suppressions: {
        /** The addresses that nothing is sent to, by address. */
        $get(
          args?: { query?: { limit?: number | string; cursor?: string } },
          options?: CallOptions,
        ): Promise<
          Answer<{
            items: m.Suppression[];

            /** For the next page; null at the end */
            cursor: string | null;
          }>
        >;
        ":address": {
          /** Is anything sent to that address?. */
          $get(args: { param: { address: string } }, options?: CallOptions): Promise<Answer<m.Suppression>>;

          /** Send nothing to an address; messages to it come back. */
          $put(args: {
            param: { address: string };
            json?: {
              /** The path's, as GET answers it */
              address?: string;

              /** As GET answers it; not looked at */
              since?: string;

              /** As GET answers it; not looked at */
              by?: string;

              /** Ends by itself then */
              until?: string | null;
              reason?: string | null;
            };
          }, options?: CallOptions): Promise<Answer<m.Suppression>>;

          /** Send to an address again. */
          $delete(args: { param: { address: string } }, options?: CallOptions): Promise<Response>;
        };
      };
      webhooks: {
        /** The configured webhooks, and how each does. */
        $get(
          args?: Record<never, never>,
          options?: CallOptions,
        ): Promise<Answer<{ items: m.Webhook[]; cursor: null }>>;
        test: {
          /** Post an event of the type `test` to a configured webhook now. */
          $post(
            args: { json: { url: string } },
            options?: CallOptions,
          ): Promise<
            Answer<
              {
                ok: boolean;
                status: number | null;

                /** The status line of the answer, or why there was none */
                text: string;
              }
            >
          >;
        };
        dead: {
          /** Posts that were given up, oldest first. */
          $get(
            args?: Record<never, never>,
            options?: CallOptions,
          ): Promise<Answer<{ items: m.DeadPost[]; cursor: null }>>;
          ":id": {
            retry: {
              /** Post once more what was given up. */
              $post(args: { param: { id: string } }, options?: CallOptions): Promise<Response>;
            };

            /** Forget what was given up. */
            $delete(args: { param: { id: string } }, options?: CallOptions): Promise<Response>;
          };
        };
      };
    };
  };
};
