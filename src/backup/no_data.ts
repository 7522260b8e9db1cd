/** What is none of our data: it is not backed up, not restored, and a backup goes beside it. */

/** The names in a data directory without any data: a volume, or the home of the server's user. */
export const NO_DATA = /^(?:lock|lost\+found|\..*)$/;
