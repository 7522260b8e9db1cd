const note = { Content: "aGk=", Filename: "note.txt", ContentType: "text/plain" };

describe("cypress-mailpit", () => {
  it("sends, finds, reads, marks and deletes", () => {
    cy.mailpitDeleteAllEmails();
    cy.mailpitSendMail({ subject: "Hello World", textBody: "your code is 1234", attachments: [note] });
    cy.mailpitSendMail({ to: [{ Email: "other@example.com", Name: "O" }], subject: "Other" });
    cy.mailpitGetAllMails().its("messages").should("have.length", 2);
    cy.mailpitHasEmailsBySubject("Hello World");
    cy.mailpitHasEmailsByTo("other@example.com");
    cy.mailpitNotHasEmailsByTo("nobody@example.com");
    cy.mailpitHasEmailsBySearch("subject:Hello has:attachment", 0, 50, { timeout: 1000, interval: 100 });
    cy.mailpitGetEmailsBySubject("Hello World").its("messages.0.ID").then((id) => {
      cy.mailpitGetMail(id).then((mail) => {
        cy.wrap(mail).mailpitGetSubject().should("eq", "Hello World");
        cy.wrap(mail).mailpitGetFromAddress().should("eq", "from@example.com");
        cy.wrap(mail).mailpitGetRecipientAddress().should("deep.equal", ["jane@example.com"]);
        cy.wrap(mail).mailpitGetAttachments().should("deep.equal", ["note.txt"]);
        cy.wrap(mail).mailpitGetMailTextBody().should("contain", "your code is 1234");
        cy.wrap(mail).mailpitGetMailHTMlBody().should("contain", "<p>hello from mailpit</p>");
        cy.wrap(mail).mailpitSetStatusAsUnRead().should("eq", "ok");
      });
    });
    cy.mailpitSearchEmails("is:unread").its("messages_count").should("eq", 2);
    cy.mailpitSetAllEmailStatusAsRead().should("eq", "ok");
    cy.mailpitNotHasEmailsBySearch("is:unread");
    cy.mailpitDeleteEmailsBySearch("to:other@example.com");
    cy.mailpitGetMail().mailpitGetSubject().should("eq", "Hello World");
    cy.mailpitDeleteAllEmails();
    cy.mailpitNotHasEmailsBySubject("Hello World");
  });
});
